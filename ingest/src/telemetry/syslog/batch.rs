//! Messages of one connection until they are stored: a body for each key.

use protocols::syslog::{Credential, credential};
use zeroize::Zeroizing;

use super::Port;

/// Bytes at which a batch is stored without waiting for more.
const BATCH_BYTES: usize = 256 << 10;

/// Messages of one key, framed by octet counting.
pub(super) struct Body {
    pub(super) key: Zeroizing<String>,
    pub(super) framed: Vec<u8>,
    pub(super) messages: u64,
}

#[derive(Default)]
pub(super) struct Batch {
    bodies: Vec<Body>,
    bytes: usize,
}

/// Neither the message nor the port has a key.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Nobodys;

impl Batch {
    pub(super) fn add(&mut self, message: &[u8], port: &Port) -> Result<(), Nobodys> {
        let (key, message) = match credential(message) {
            Some(Credential { key, message }) => (Zeroizing::new(key), message),
            None => {
                let key = port.key.as_deref().ok_or(Nobodys)?;
                (key.clone(), message.to_vec())
            }
        };
        let at = match self.bodies.iter().position(|body| *body.key == *key) {
            Some(at) => at,
            None => {
                self.bodies.push(Body {
                    key,
                    framed: Vec::new(),
                    messages: 0,
                });
                self.bodies.len() - 1
            }
        };
        let body = &mut self.bodies[at];
        let before = body.framed.len();
        body.framed
            .extend_from_slice(format!("{} ", message.len()).as_bytes());
        body.framed.extend_from_slice(&message);
        body.messages += 1;
        self.bytes += body.framed.len() - before;
        Ok(())
    }

    pub(super) fn is_empty(&self) -> bool {
        self.bodies.is_empty()
    }

    pub(super) fn is_full(&self) -> bool {
        self.bytes >= BATCH_BYTES
    }

    pub(super) fn take(&mut self) -> Vec<Body> {
        self.bytes = 0;
        std::mem::take(&mut self.bodies)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Arc;

    #[test]
    fn a_key_in_the_message_comes_before_the_ports() {
        let port = Port {
            key: Some(Arc::new(Zeroizing::new("port's".to_owned()))),
        };
        let mut batch = Batch::default();
        for message in [
            "<14>1 - - - - - - one",
            "<14>1 - - - - - [srec@1 key=\"own\"] two",
            "<14>1 - - - - - - three",
        ] {
            batch.add(message.as_bytes(), &port).unwrap();
        }
        let bodies = batch.take();
        let found: Vec<_> = bodies
            .iter()
            .map(|b| {
                (
                    b.key.as_str(),
                    std::str::from_utf8(&b.framed).unwrap(),
                    b.messages,
                )
            })
            .collect();
        assert_eq!(
            found,
            [
                (
                    "port's",
                    "21 <14>1 - - - - - - one23 <14>1 - - - - - - three",
                    2
                ),
                ("own", "21 <14>1 - - - - - - two", 1),
            ]
        );
        assert!(batch.is_empty());
    }

    #[test]
    fn without_any_key_a_message_is_nobodys() {
        let mut batch = Batch::default();
        let added = batch.add(b"<14>1 - - - - - - one", &Port::default());
        assert_eq!(added, Err(Nobodys));
        assert!(batch.is_empty());
    }
}
