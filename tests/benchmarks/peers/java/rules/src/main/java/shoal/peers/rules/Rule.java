package shoal.peers.rules;

import java.time.Duration;

/** A segment of those whose events within a sliding window add up to a threshold; an event at t counts in [t, t + width). */
public enum Rule {
    SHOE_VIEWERS("shoe-viewers", Duration.ofDays(7), 4),
    BUYERS("buyers", Duration.ofDays(30), 3),
    /** The threshold is in cents. */
    SPENDERS("spenders", Duration.ofDays(30), 200_00),
    ACTIVE("active", Duration.ofDays(1), 3),
    COLLECTORS("collectors", Duration.ofDays(1), 4);

    final String segment;
    final long widthMs;
    final long threshold;

    Rule(String segment, Duration width, long threshold) {
        this.segment = segment;
        this.widthMs = width.toMillis();
        this.threshold = threshold;
    }
}
