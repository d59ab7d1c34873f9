package shoal.peers.rules;

/** What an event is, as far as the rules care. */
public enum Kind {
    SHOES_VIEWED,
    ADDED,
    ORDERED,
    PAGE,
    /** No rule reads it: the other categories, and messages that are no events of a user. */
    OTHER
}
