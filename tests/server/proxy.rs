//! The bad line itself: what [`Proxy`] promises, between two plain sockets.

use crate::support::proxy::{Proxy, Way};
use std::io::{ErrorKind, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::time::{Duration, Instant};

/// A client and the peer it reached through a proxy.
fn pair() -> (Proxy, TcpStream, TcpStream) {
    let (proxy, client, peer, _) = pair_and_listener();
    (proxy, client, peer)
}

fn pair_and_listener() -> (Proxy, TcpStream, TcpStream, TcpListener) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let proxy = Proxy::to(listener.local_addr().unwrap());
    let client = TcpStream::connect(proxy.addr).unwrap();
    let peer = listener.accept().unwrap().0;
    proxy.wait(|counts| counts.open == 1);
    for end in [&client, &peer] {
        end.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
    }
    (proxy, client, peer, listener)
}

fn read(end: &mut TcpStream, n: usize) -> Vec<u8> {
    let mut bytes = vec![0; n];
    end.read_exact(&mut bytes).unwrap();
    bytes
}

fn is_mute(end: &mut TcpStream) -> bool {
    end.set_read_timeout(Some(Duration::from_millis(50))).unwrap();
    let answer = end.read(&mut [0; 1]);
    end.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
    matches!(answer, Err(error) if error.kind() == ErrorKind::WouldBlock)
}

#[test]
fn a_good_line_carries_every_byte_both_ways_and_its_end() {
    let (proxy, mut client, mut peer) = pair();
    let sent: Vec<u8> = (0..3_000_000u32).map(|n| (n % 251) as u8).collect();
    let reading = std::thread::spawn(move || (read(&mut peer, 3_000_000), peer));
    client.write_all(&sent).unwrap();
    let (seen, mut peer) = reading.join().unwrap();
    assert!(seen == sent);
    peer.write_all(b"back").unwrap();
    assert_eq!(read(&mut client, 4), b"back");
    drop(peer);
    assert_eq!(client.read(&mut [0; 1]).unwrap(), 0);
    drop(client);
    let counts = proxy.wait(|counts| counts.open == 0);
    assert_eq!((counts.connections, counts.up, counts.down), (1, 3_000_000, 4));
}

#[test]
fn a_delay_moves_bytes_in_time_and_keeps_their_order() {
    let (proxy, mut client, mut peer) = pair();
    proxy.delay(Duration::from_millis(60));
    let began = Instant::now();
    client.write_all(b"one").unwrap();
    client.write_all(b"two").unwrap();
    assert_eq!(read(&mut peer, 6), b"onetwo");
    assert!(began.elapsed() >= Duration::from_millis(60));
}

#[test]
fn a_frozen_line_delivers_later_what_it_held() {
    let (proxy, mut client, mut peer) = pair();
    proxy.freeze();
    client.write_all(b"held").unwrap();
    assert!(is_mute(&mut peer));
    proxy.heal();
    assert_eq!(read(&mut peer, 4), b"held");
}

#[test]
fn a_black_hole_is_mute_also_after_it_healed_and_new_connections_work_then() {
    let (proxy, mut client, mut peer, listener) = pair_and_listener();
    proxy.swallow();
    client.write_all(b"lost").unwrap();
    assert!(is_mute(&mut peer));
    proxy.heal();
    client.write_all(b"lost").unwrap();
    assert!(is_mute(&mut peer));
    let mut second = TcpStream::connect(proxy.addr).unwrap();
    second.write_all(b"new").unwrap();
    assert_eq!(read(&mut listener.accept().unwrap().0, 3), b"new");
}

#[test]
fn a_cut_delivers_exactly_so_many_bytes_and_resets_both_ends() {
    let (proxy, mut client, mut peer) = pair();
    proxy.cut_after(Way::Down, 70_000);
    peer.write_all(&[7; 100_000]).unwrap();
    let mut seen = Vec::new();
    let end = client.read_to_end(&mut seen).unwrap_err();
    assert_eq!((seen.len(), end.kind()), (70_000, ErrorKind::ConnectionReset));
    assert_eq!(peer.read(&mut [0; 1]).unwrap_err().kind(), ErrorKind::ConnectionReset);
    assert_eq!(proxy.wait(|counts| counts.open == 0).down, 70_000);
}

#[test]
fn a_reset_breaks_living_connections_and_refusing_only_new_ones() {
    let (proxy, mut client, mut peer) = pair();
    proxy.refuse();
    let mut refused = TcpStream::connect(proxy.addr).unwrap();
    assert_eq!(refused.read(&mut [0; 1]).unwrap(), 0);
    peer.write_all(b"still").unwrap();
    assert_eq!(read(&mut client, 5), b"still");
    proxy.reset();
    for end in [&mut client, &mut peer] {
        assert_eq!(end.read(&mut [0; 1]).unwrap_err().kind(), ErrorKind::ConnectionReset);
    }
    assert_eq!(proxy.counts().connections, 2);
}
