package shoal.peers.rules;

import java.io.DataInput;
import java.io.DataOutput;
import java.io.IOException;
import java.util.Arrays;

/**
 * The amounts within a rule's window, oldest first. It forgets what can no longer matter: amounts are positive, so an
 * old one goes as soon as the younger ones reach the threshold without it; they will still do so when it would expire.
 */
final class Window {
    private static final int FIELDS = 2;
    private static final int EVENTS_FIRST = 2;

    private final Rule rule;
    /** Instant and amount of each event; there is room for one at least. */
    private long[] entries;
    private int length;
    private long sum;

    Window(Rule rule) {
        this(rule, new long[EVENTS_FIRST * FIELDS], 0, 0);
    }

    private Window(Rule rule, long[] entries, int length, long sum) {
        this.rule = rule;
        this.entries = entries;
        this.length = length;
        this.sum = sum;
    }

    Window copy() {
        return new Window(rule, Arrays.copyOf(entries, length), length, sum);
    }

    boolean empty() {
        return length == 0;
    }

    /** Whether the threshold is reached. */
    boolean full() {
        return sum >= rule.threshold;
    }

    /** When a full window stops being full, in ms, if nothing is added. */
    long emptiesAt() {
        return entries[0] + rule.widthMs;
    }

    /** Adds an event that is none older than those before it; an amount of 0 or less is none. */
    void add(long at, long amount) {
        if (amount <= 0) {
            return;
        }
        if (length == entries.length) {
            entries = Arrays.copyOf(entries, length * 2);
        }
        entries[length] = at;
        entries[length + 1] = amount;
        length += FIELDS;
        sum += amount;
        int needless = 0;
        while (sum - entries[needless + 1] >= rule.threshold) {
            sum -= entries[needless + 1];
            needless += FIELDS;
        }
        dropFirst(needless);
    }

    /** Forgets what has left the window by an instant. */
    void expire(long now) {
        int expired = 0;
        while (expired < length && entries[expired] + rule.widthMs <= now) {
            sum -= entries[expired + 1];
            expired += FIELDS;
        }
        dropFirst(expired);
    }

    private void dropFirst(int count) {
        if (count > 0) {
            length -= count;
            System.arraycopy(entries, count, entries, 0, length);
        }
    }

    void write(DataOutput output) throws IOException {
        output.writeInt(length);
        for (int index = 0; index < length; index++) {
            output.writeLong(entries[index]);
        }
    }

    static Window read(Rule rule, DataInput input) throws IOException {
        int length = input.readInt();
        long[] entries = new long[length];
        long sum = 0;
        for (int index = 0; index < length; index += FIELDS) {
            entries[index] = input.readLong();
            entries[index + 1] = input.readLong();
            sum += entries[index + 1];
        }
        return new Window(rule, entries, length, sum);
    }
}
