//! One file per `guichet <thing>`: words in, one call, words out. Data goes to standard output, everything else to
//! standard error; exit codes are those of journeys section 6.

pub mod rp;
