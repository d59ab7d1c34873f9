package shoal.peers.streams;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.util.PriorityQueue;
import org.apache.kafka.streams.KeyValue;
import org.apache.kafka.streams.processor.api.Processor;
import org.apache.kafka.streams.processor.api.ProcessorContext;
import org.apache.kafka.streams.processor.api.Record;
import org.apache.kafka.streams.state.KeyValueIterator;
import org.apache.kafka.streams.state.KeyValueStore;
import shoal.peers.rules.Change;
import shoal.peers.rules.Changes;
import shoal.peers.rules.Event;
import shoal.peers.rules.EventReader;
import shoal.peers.rules.Kind;
import shoal.peers.rules.Profile;

/**
 * One task: the users of one partition. Their timers are in the profiles, and so durable; here they are in order of
 * time. They fire before the record that moves the stream time beyond them. A punctuator of stream time would do so at
 * the same records, but halves the number of records that a stream thread takes at a time whenever it fires.
 */
final class Segmentation implements Processor<byte[], byte[], String, byte[]> {
    static final String STORE = "profiles";

    private final EventReader reader = new EventReader();
    private final Event event = new Event();
    private final PriorityQueue<Timer> timers = new PriorityQueue<>();
    private ProcessorContext<String, byte[]> context;
    private KeyValueStore<String, Profile> profiles;

    @Override
    public void init(ProcessorContext<String, byte[]> context) {
        this.context = context;
        profiles = context.getStateStore(STORE);
        try (KeyValueIterator<String, Profile> all = profiles.all()) {
            while (all.hasNext()) {
                KeyValue<String, Profile> entry = all.next();
                if (entry.value.timerAt != Profile.NEVER) {
                    timers.add(new Timer(entry.value.timerAt, entry.key));
                }
            }
        }
    }

    @Override
    public void process(Record<byte[], byte[]> record) {
        fire(context.currentStreamTimeMs());
        try {
            reader.read(record.key(), record.value(), record.timestamp(), event);
        } catch (IOException error) {
            throw new UncheckedIOException(error);
        }
        if (event.kind == Kind.OTHER) {
            return;
        }
        Profile profile = profiles.get(event.user);
        if (profile == null) {
            profile = new Profile();
        }
        Changes changes = of(event.user);
        profile.advance(event.at, changes);
        profile.apply(event, changes);
        keep(event.user, profile);
    }

    private void fire(long now) {
        while (!timers.isEmpty() && timers.peek().at() <= now) {
            Timer timer = timers.poll();
            Profile profile = profiles.get(timer.user());
            if (timer.at() == profile.timerAt) {
                profile.timerAt = Profile.NEVER;
                profile.advance(now, of(timer.user()));
                keep(timer.user(), profile);
            }
        }
    }

    private void keep(String user, Profile profile) {
        long due = profile.dueAt();
        if (due < profile.timerAt) {
            timers.add(new Timer(due, user));
            profile.timerAt = due;
        }
        profiles.put(user, profile);
    }

    private Changes of(String user) {
        return (segment, entered, at) ->
                context.forward(new Record<>(user, new Change(user, segment, entered, at).json(), at));
    }
}
