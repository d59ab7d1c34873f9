"""Generates the Grafana dashboards in deploy/grafana."""
