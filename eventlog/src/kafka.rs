//! The log on Kafka, for teams that outgrew one machine.
