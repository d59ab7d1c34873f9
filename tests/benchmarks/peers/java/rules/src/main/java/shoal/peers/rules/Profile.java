package shoal.peers.rules;

import java.io.DataInput;
import java.io.DataOutput;
import java.io.IOException;
import java.time.Duration;

/** All that the rules remember of one user, and what they say when it changes. */
public class Profile {
    /** No instant: later than all. */
    public static final long NEVER = Long.MAX_VALUE;

    private static final Rule[] RULES = Rule.values();
    private static final String ABANDONED = "abandoned";
    private static final long IDLE_MS = Duration.ofMinutes(30).toMillis();

    /** By rule; null where nothing was ever added. An empty one is neither copied nor written. */
    private final Window[] windows = new Window[RULES.length];
    /** When something was last added to the cart; NEVER while it is empty. */
    private long addedAt = NEVER;
    private boolean abandoned;

    /**
     * The instant of the timer that the engine has for this user; NEVER for none. The engine sets it: a timer is moved
     * only to an earlier instant, and one that comes too early looks when the next is due.
     */
    public long timerAt = NEVER;

    /** What the passing of time changes, up to and with an instant, each change at its own. */
    public final void advance(long now, Changes changes) {
        for (Rule rule : RULES) {
            Window window = windows[rule.ordinal()];
            if (window != null) {
                if (window.full() && window.emptiesAt() <= now) {
                    changes.changed(rule.segment, false, window.emptiesAt());
                }
                window.expire(now);
            }
        }
        if (abandonedAt() <= now) {
            changes.changed(ABANDONED, true, abandonedAt());
            abandoned = true;
        }
    }

    /** What an event changes, after time has been advanced to its instant. */
    public final void apply(Event event, Changes changes) {
        switch (event.kind) {
            case SHOES_VIEWED -> add(Rule.SHOE_VIEWERS, event.at, 1, changes);
            case PAGE -> add(Rule.ACTIVE, event.at, 1, changes);
            case ADDED -> {
                add(Rule.COLLECTORS, event.at, event.amount, changes);
                touchCart(event.at, event.at, changes);
            }
            case ORDERED -> {
                add(Rule.BUYERS, event.at, 1, changes);
                add(Rule.SPENDERS, event.at, event.amount, changes);
                touchCart(event.at, NEVER, changes);
            }
            case OTHER -> {}
        }
    }

    /** The next instant at which the passing of time changes something, in ms; NEVER for none. */
    public final long dueAt() {
        long due = abandonedAt();
        for (Window window : windows) {
            if (window != null && window.full()) {
                due = Math.min(due, window.emptiesAt());
            }
        }
        return due;
    }

    private void add(Rule rule, long at, long amount, Changes changes) {
        Window window = windows[rule.ordinal()];
        if (window == null) {
            window = windows[rule.ordinal()] = new Window(rule);
        }
        boolean before = window.full();
        window.add(at, amount);
        if (window.full() && !before) {
            changes.changed(rule.segment, true, at);
        }
    }

    private void touchCart(long now, long addedAt, Changes changes) {
        if (abandoned) {
            changes.changed(ABANDONED, false, now);
        }
        this.addedAt = addedAt;
        abandoned = false;
    }

    private boolean has(int window) {
        return windows[window] != null && !windows[window].empty();
    }

    private long abandonedAt() {
        return addedAt == NEVER || abandoned ? NEVER : addedAt + IDLE_MS;
    }

    /** Becomes the same as another one, sharing nothing with it. */
    public final void copyFrom(Profile other) {
        for (int index = 0; index < windows.length; index++) {
            windows[index] = other.has(index) ? other.windows[index].copy() : null;
        }
        addedAt = other.addedAt;
        abandoned = other.abandoned;
        timerAt = other.timerAt;
    }

    public final void write(DataOutput output) throws IOException {
        output.writeLong(timerAt);
        output.writeLong(addedAt);
        output.writeBoolean(abandoned);
        int there = 0;
        for (int index = 0; index < windows.length; index++) {
            there |= has(index) ? 1 << index : 0;
        }
        output.writeByte(there);
        for (int index = 0; index < windows.length; index++) {
            if (has(index)) {
                windows[index].write(output);
            }
        }
    }

    /** Becomes what was written. */
    public final void read(DataInput input) throws IOException {
        timerAt = input.readLong();
        addedAt = input.readLong();
        abandoned = input.readBoolean();
        int there = input.readByte();
        for (Rule rule : RULES) {
            boolean present = (there & 1 << rule.ordinal()) != 0;
            windows[rule.ordinal()] = present ? Window.read(rule, input) : null;
        }
    }
}
