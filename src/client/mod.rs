//! The blocking POP3 client.
