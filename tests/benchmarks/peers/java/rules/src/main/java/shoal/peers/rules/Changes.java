package shoal.peers.rules;

/** Hears what changes of one user; changes of one segment come in order of time. */
@FunctionalInterface
public interface Changes {
    void changed(String segment, boolean entered, long at);
}
