"""Jobs of the console that take seconds or minutes: processes of their own, with progress, that can be cancelled."""
