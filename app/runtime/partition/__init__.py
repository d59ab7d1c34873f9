"""The life cycle of one assigned partition: open, restore, process, commit, revoke."""
