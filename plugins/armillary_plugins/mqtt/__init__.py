"""MQTT 3.1.1 and 5: a source with its own socket loop, and a command sink."""
