//! Joins client and store: what is to be done with each message, and the doing of it.
