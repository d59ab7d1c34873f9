package shoal.peers.streams;

import java.util.Properties;
import java.util.concurrent.CountDownLatch;
import org.apache.kafka.clients.consumer.ConsumerConfig;
import org.apache.kafka.clients.producer.ProducerConfig;
import org.apache.kafka.common.serialization.ByteArrayDeserializer;
import org.apache.kafka.common.serialization.ByteArraySerializer;
import org.apache.kafka.common.serialization.Serdes;
import org.apache.kafka.common.serialization.StringSerializer;
import org.apache.kafka.streams.KafkaStreams;
import org.apache.kafka.streams.StreamsConfig;
import org.apache.kafka.streams.Topology;
import org.apache.kafka.streams.state.Stores;
import shoal.peers.rules.Arguments;

/** The application, with one stream thread, until it is told to stop. */
public final class SegmentationApplication {
    private static final int COMMIT_INTERVAL_MS = 1_000;
    /** More than all profiles take, so that each goes to the changelog once a commit. */
    private static final long CACHE_BYTES = 512L << 20;

    private SegmentationApplication() {}

    public static void main(String[] given) throws InterruptedException {
        Arguments arguments = new Arguments(given);
        KafkaStreams streams = new KafkaStreams(topology(arguments), settings(arguments));
        CountDownLatch ended = new CountDownLatch(1);
        streams.setStateListener((now, before) -> {
            if (now.hasCompletedShutdown()) {
                ended.countDown();
            }
        });
        Runtime.getRuntime().addShutdownHook(new Thread(streams::close));
        streams.start();
        ended.await();
    }

    private static Topology topology(Arguments arguments) {
        return new Topology()
                .addSource("clickstream", new ByteArrayDeserializer(), new ByteArrayDeserializer(), arguments.inputTopic)
                .addProcessor("segmentation", Segmentation::new, "clickstream")
                .addStateStore(
                        Stores.keyValueStoreBuilder(
                                        Stores.inMemoryKeyValueStore(Segmentation.STORE),
                                        Serdes.String(),
                                        new ProfileSerde())
                                .withCachingEnabled(),
                        "segmentation")
                .addSink(
                        "changes",
                        arguments.outputTopic,
                        new StringSerializer(),
                        new ByteArraySerializer(),
                        "segmentation");
    }

    private static Properties settings(Arguments arguments) {
        boolean exactlyOnce = arguments.option("--delivery", "exactly-once", "at-least-once");
        Properties settings = new Properties();
        settings.put(StreamsConfig.APPLICATION_ID_CONFIG, arguments.outputTopic);
        settings.put(StreamsConfig.BOOTSTRAP_SERVERS_CONFIG, arguments.bootstrap);
        settings.put(StreamsConfig.STATE_DIR_CONFIG, arguments.stateFolder);
        settings.put(
                StreamsConfig.PROCESSING_GUARANTEE_CONFIG,
                exactlyOnce ? StreamsConfig.EXACTLY_ONCE_V2 : StreamsConfig.AT_LEAST_ONCE);
        settings.put(StreamsConfig.NUM_STREAM_THREADS_CONFIG, 1);
        settings.put(StreamsConfig.COMMIT_INTERVAL_MS_CONFIG, COMMIT_INTERVAL_MS);
        // A task has one partition, so there is none to wait for.
        settings.put(StreamsConfig.MAX_TASK_IDLE_MS_CONFIG, StreamsConfig.MAX_TASK_IDLE_MS_DISABLED);
        settings.put(StreamsConfig.STATESTORE_CACHE_MAX_BYTES_CONFIG, CACHE_BYTES);
        settings.put(StreamsConfig.consumerPrefix(ConsumerConfig.AUTO_OFFSET_RESET_CONFIG), "earliest");
        settings.put(StreamsConfig.consumerPrefix(ConsumerConfig.MAX_POLL_RECORDS_CONFIG), 10_000);
        settings.put(StreamsConfig.consumerPrefix(ConsumerConfig.MAX_PARTITION_FETCH_BYTES_CONFIG), 4 << 20);
        settings.put(StreamsConfig.producerPrefix(ProducerConfig.BATCH_SIZE_CONFIG), 256 << 10);
        settings.put(StreamsConfig.producerPrefix(ProducerConfig.COMPRESSION_TYPE_CONFIG), "lz4");
        return settings;
    }
}
