"""Speaking AMQP 0-9-1 to a broker that is shared with others."""
