package shoal.peers.flink;

import java.nio.charset.StandardCharsets;
import org.apache.flink.connector.kafka.sink.KafkaRecordSerializationSchema;
import org.apache.kafka.clients.producer.ProducerRecord;
import shoal.peers.rules.Change;

/** Changes as Kafka records, by user. */
final class ChangeSchema implements KafkaRecordSerializationSchema<Change> {
    private static final long serialVersionUID = 1;

    private final String topic;

    ChangeSchema(String topic) {
        this.topic = topic;
    }

    @Override
    public ProducerRecord<byte[], byte[]> serialize(Change change, KafkaSinkContext context, Long timestamp) {
        return new ProducerRecord<>(topic, change.user().getBytes(StandardCharsets.UTF_8), change.json());
    }
}
