//! The program as an operator's scripts meet it: what it prints where, and how it ends (interface.md section 2).

#[cfg(test)]
mod accounts;
#[cfg(test)]
mod browser;
#[cfg(test)]
mod cores;
#[cfg(test)]
mod deliveries;
#[cfg(test)]
mod guichet;
#[cfg(test)]
mod inbox;
#[cfg(test)]
mod keys;
#[cfg(test)]
mod kills;
#[cfg(test)]
mod logs;
#[cfg(test)]
mod merging;
#[cfg(test)]
mod parties;
#[cfg(test)]
mod people;
#[cfg(test)]
mod proposed;
#[cfg(test)]
mod running;
#[cfg(test)]
mod runs;
#[cfg(test)]
mod secrets;
#[cfg(test)]
mod settings;
