//! What is read out of a message: the header summary and the envelope sender.
