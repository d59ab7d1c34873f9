"""`shoal serve`: the HTTP service."""

from app.cli.process import Pairs, prepare_process, settings_of


def serve(
    *,
    host: str | None = None,
    port: int | None = None,
    broker: str | None = None,
    redis: str | None = None,
    log_level: str | None = None,
    set_: Pairs = None,
) -> int:
    """Serve HTTP until Ctrl-C or SIGTERM: take events in, say who is in which segment, stream changes.

    Start several for more speed, behind anything that shares requests out. Every setting is also a variable of the
    environment; see docs/settings.md. Keys are made by shoal keys.

    Example: `shoal serve --port 8080 --set segments=segments`

    Parameters
    ----------
    host
        The address to listen on (SHOAL_SERVE_HOST, 127.0.0.1).
    port
        The port to listen on (SHOAL_SERVE_PORT, 8080).
    broker
        Where Kafka is, host:port (KAFKA_BOOTSTRAP_SERVERS).
    redis
        Where the memberships are (REDIS_URL).
    log_level
        debug, info, warning or error (SHOAL_LOG_LEVEL, info).
    set_
        Any other settings, as name=value: `--set collect_rate=0 cors_origins=https://shop.example`.
    """
    settings = settings_of(
        set_, serve_host=host, serve_port=port, kafka_bootstrap_servers=broker, redis_url=redis, log_level=log_level
    )
    prepare_process(settings)
    from app.service.server import serve_until_told

    return serve_until_told(settings)
