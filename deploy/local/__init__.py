"""One machine: broker, supervisor, ports and folders of the embedded mode."""
