package shoal.peers.flink;

import java.io.IOException;
import org.apache.flink.api.common.serialization.DeserializationSchema.InitializationContext;
import org.apache.flink.api.common.typeinfo.TypeInformation;
import org.apache.flink.connector.kafka.source.reader.deserializer.KafkaRecordDeserializationSchema;
import org.apache.flink.util.Collector;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import shoal.peers.rules.EventReader;

/** Kafka records as events, all in one object: with object reuse nobody behind the source keeps it. */
final class EventSchema implements KafkaRecordDeserializationSchema<FlinkEvent> {
    private static final long serialVersionUID = 1;

    private transient EventReader reader;
    private transient FlinkEvent event;

    @Override
    public void open(InitializationContext context) {
        reader = new EventReader();
        event = new FlinkEvent();
    }

    @Override
    public void deserialize(ConsumerRecord<byte[], byte[]> record, Collector<FlinkEvent> out) throws IOException {
        reader.read(record.key(), record.value(), record.timestamp(), event);
        out.collect(event);
    }

    @Override
    public TypeInformation<FlinkEvent> getProducedType() {
        return TypeInformation.of(FlinkEvent.class);
    }
}
