"""Events of requests on their way into the clickstream."""
