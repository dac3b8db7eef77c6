//! Addresses for the pods of one machine: every address of 127.0.0.0/8 is this machine, so that each pod has two of its
//! own and the ports are those of the cluster.

use std::net::{Ipv4Addr, SocketAddr, SocketAddrV4, TcpListener};

use anyhow::{Context as _, Result, bail};

/// Where sidecars ask who is there, as istiod is asked. Whoever listens there has the network.
const DISCOVERY: u16 = 15_010;
/// Where a sidecar's admin answers.
const ADMIN: u16 = 15_000;
/// Where a program finds the first of its peers, at its own sidecar; the others follow.
const PEERS: u16 = 15_100;

/// A range of addresses that is this mesh's alone while this value lives.
#[derive(Debug)]
pub struct Network {
    part: u8,
    claim: TcpListener,
}

impl Network {
    /// Claims a free range.
    pub fn claim() -> Result<Self> {
        let first: u8 = rand::random();
        for step in 0..=u8::MAX {
            let part = first.wrapping_add(step);
            // 127.0.0.0/16 is everybody's.
            if part == 0 {
                continue;
            }
            if let Ok(claim) = TcpListener::bind((Ipv4Addr::new(127, part, 0, 1), DISCOVERY)) {
                return Ok(Self { part, claim });
            }
        }
        bail!(
            "no address of 127.0.0.0/8 can be listened on: the mesh needs Linux, where all of them are this machine"
        )
    }

    /// Where sidecars ask who is there.
    pub fn discovery(&self) -> SocketAddr {
        SocketAddrV4::new(Ipv4Addr::new(127, self.part, 0, 1), DISCOVERY).into()
    }

    /// The listener there.
    pub fn listener(&self) -> Result<TcpListener> {
        Ok(self.claim.try_clone()?)
    }

    /// The addresses of a pod by its number.
    pub fn pod(&self, number: usize) -> Result<Addresses> {
        let last = u8::try_from(number + 1).ok().filter(|last| *last < u8::MAX);
        let last = last.context("there are more pods than addresses")?;
        Ok(Addresses {
            outside: Ipv4Addr::new(127, self.part, 1, last),
            inside: Ipv4Addr::new(127, self.part, 2, last),
        })
    }
}

/// The addresses of a pod.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Addresses {
    /// Where its sidecar takes calls of others.
    pub outside: Ipv4Addr,
    /// Where its program listens, and its sidecar takes the program's calls: a pod's own 127.0.0.1.
    pub inside: Ipv4Addr,
}

impl Addresses {
    /// The sidecar's admin.
    pub fn admin(self) -> SocketAddr {
        SocketAddrV4::new(self.inside, ADMIN).into()
    }

    /// Where the program listens.
    pub fn program(self, port: u16) -> SocketAddr {
        SocketAddrV4::new(self.inside, port).into()
    }

    /// Where the sidecar takes calls of others for the program.
    pub fn sidecar(self, port: u16) -> SocketAddr {
        SocketAddrV4::new(self.outside, port).into()
    }

    /// Where the program calls the service with this number in the list of all.
    pub fn peer(self, number: usize) -> SocketAddr {
        let number = u16::try_from(number).unwrap_or(u16::MAX - PEERS);
        SocketAddrV4::new(self.inside, PEERS.saturating_add(number)).into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_meshes_have_other_addresses() {
        // Tests run beside each other, and beside a suite that somebody has started.
        let (one, other) = (Network::claim().unwrap(), Network::claim().unwrap());
        assert_ne!(one.pod(0).unwrap(), other.pod(0).unwrap());
        assert_ne!(one.pod(0).unwrap(), one.pod(1).unwrap());
        assert!(one.pod(300).is_err());
    }
}
