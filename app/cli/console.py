"""`shoal console`: the web console."""

from app.cli.process import Pairs, prepare_process, settings_of


def console(
    *,
    host: str | None = None,
    port: int | None = None,
    broker: str | None = None,
    redis: str | None = None,
    log_level: str | None = None,
    set_: Pairs = None,
) -> int:
    """Run the web console until Ctrl-C or SIGTERM: pages that show segments, people, changes and the state of all
    processes.

    Without a login it listens only on this machine; docs/console.md says how to let others in. It needs no network and
    no other files. Prints its address.

    Example: `shoal console --port 8081 --set segments=segments`

    Parameters
    ----------
    host
        The address to listen on (SHOAL_CONSOLE_HOST, 127.0.0.1).
    port
        The port to listen on (SHOAL_CONSOLE_PORT, 8081).
    broker
        Address of Kafka, host:port (KAFKA_BOOTSTRAP_SERVERS).
    redis
        URL of the Redis with the memberships (REDIS_URL).
    log_level
        debug, info, warning or error (SHOAL_LOG_LEVEL, info).
    set_
        Other settings, as name=value: `--set console_login=password console_users_file=users`.
    """
    settings = settings_of(
        set_, console_host=host, console_port=port, kafka_bootstrap_servers=broker, redis_url=redis, log_level=log_level
    )
    prepare_process(settings)
    from app.web.server import serve_until_told

    return serve_until_told(settings)
