//! Where mail is kept: destinations, and the journal that says what is in them.
