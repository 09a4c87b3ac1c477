"""One file per dataflow, top to bottom as the data goes. They know no connector: `cloud_stream.wiring` joins both."""
