package shoal.peers.flink;

import java.nio.file.Path;
import java.time.Duration;
import org.apache.flink.api.common.eventtime.WatermarkStrategy;
import org.apache.flink.api.common.typeinfo.Types;
import org.apache.flink.configuration.CheckpointingOptions;
import org.apache.flink.configuration.Configuration;
import org.apache.flink.configuration.PipelineOptions;
import org.apache.flink.configuration.StateBackendOptions;
import org.apache.flink.connector.base.DeliveryGuarantee;
import org.apache.flink.connector.kafka.sink.KafkaSink;
import org.apache.flink.connector.kafka.sink.KafkaSinkBuilder;
import org.apache.flink.connector.kafka.source.KafkaSource;
import org.apache.flink.connector.kafka.source.enumerator.initializer.OffsetsInitializer;
import org.apache.flink.core.execution.CheckpointingMode;
import org.apache.flink.streaming.api.environment.StreamExecutionEnvironment;
import org.apache.kafka.clients.consumer.ConsumerConfig;
import org.apache.kafka.clients.producer.ProducerConfig;
import shoal.peers.rules.Arguments;
import shoal.peers.rules.Change;
import shoal.peers.rules.Kind;

/** The job, on a cluster of one slot in this process, until it is told to stop. */
public final class SegmentationJob {
    private static final int PARALLELISM = 1;
    private static final Duration CHECKPOINT_INTERVAL = Duration.ofSeconds(1);
    /** Longer than any pause between checkpoints, shorter than what brokers allow at most. */
    private static final Duration TRANSACTION_TIMEOUT = Duration.ofMinutes(10);

    private SegmentationJob() {}

    public static void main(String[] given) throws Exception {
        Arguments arguments = new Arguments(given);
        boolean exactlyOnce = arguments.option("--delivery", "exactly-once", "at-least-once");
        boolean checkpoints = arguments.option("--checkpoints", "on", "off");
        StreamExecutionEnvironment environment =
                StreamExecutionEnvironment.createLocalEnvironment(PARALLELISM, settings(arguments.stateFolder));
        if (checkpoints) {
            environment.enableCheckpointing(
                    CHECKPOINT_INTERVAL.toMillis(),
                    exactlyOnce ? CheckpointingMode.EXACTLY_ONCE : CheckpointingMode.AT_LEAST_ONCE);
        }
        environment
                .fromSource(source(arguments), WatermarkStrategy.forMonotonousTimestamps(), "clickstream")
                .filter(event -> event.kind != Kind.OTHER)
                .keyBy(event -> event.user, Types.STRING)
                .process(new Segmentation())
                .sinkTo(sink(arguments, guarantee(checkpoints, exactlyOnce)));
        environment.execute("segmentation");
    }

    private static Configuration settings(String stateFolder) {
        Configuration settings = new Configuration();
        settings.set(PipelineOptions.OBJECT_REUSE, true);
        // No type may fall back to the general serializer, which is slow.
        settings.set(PipelineOptions.GENERIC_TYPES, false);
        settings.set(StateBackendOptions.STATE_BACKEND, "hashmap");
        settings.set(CheckpointingOptions.CHECKPOINT_STORAGE, "filesystem");
        settings.set(CheckpointingOptions.CHECKPOINTS_DIRECTORY, Path.of(stateFolder).toUri().toString());
        return settings;
    }

    private static KafkaSource<FlinkEvent> source(Arguments arguments) {
        return KafkaSource.<FlinkEvent>builder()
                .setBootstrapServers(arguments.bootstrap)
                .setTopics(arguments.inputTopic)
                .setGroupId(arguments.outputTopic)
                .setStartingOffsets(OffsetsInitializer.earliest())
                .setDeserializer(new EventSchema())
                .setProperty(ConsumerConfig.MAX_PARTITION_FETCH_BYTES_CONFIG, String.valueOf(4 << 20))
                .build();
    }

    private static KafkaSink<Change> sink(Arguments arguments, DeliveryGuarantee guarantee) {
        KafkaSinkBuilder<Change> builder = KafkaSink.<Change>builder()
                .setBootstrapServers(arguments.bootstrap)
                .setRecordSerializer(new ChangeSchema(arguments.outputTopic))
                .setDeliveryGuarantee(guarantee)
                .setProperty(ProducerConfig.LINGER_MS_CONFIG, "100")
                .setProperty(ProducerConfig.BATCH_SIZE_CONFIG, String.valueOf(256 << 10))
                .setProperty(ProducerConfig.COMPRESSION_TYPE_CONFIG, "lz4")
                .setProperty(
                        ProducerConfig.TRANSACTION_TIMEOUT_CONFIG, String.valueOf(TRANSACTION_TIMEOUT.toMillis()));
        if (guarantee == DeliveryGuarantee.EXACTLY_ONCE) {
            builder.setTransactionalIdPrefix(arguments.outputTopic);
        }
        return builder.build();
    }

    /** Transactions end with checkpoints, so without these there is no more than the producer's own guarantee. */
    private static DeliveryGuarantee guarantee(boolean checkpoints, boolean exactlyOnce) {
        if (!checkpoints) {
            return DeliveryGuarantee.NONE;
        }
        return exactlyOnce ? DeliveryGuarantee.EXACTLY_ONCE : DeliveryGuarantee.AT_LEAST_ONCE;
    }
}
