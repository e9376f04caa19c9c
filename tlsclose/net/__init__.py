"""The only sockets and clocks: targets, transports, application messages, scenarios, endpoints."""
