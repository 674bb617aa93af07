use std::net::TcpListener;

use super::*;

#[test]
fn the_sockets_of_this_process_are_seen() {
    let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
    let at = listener.local_addr().unwrap();
    let client = std::net::TcpStream::connect(at).unwrap();
    let all = sockets(std::process::id()).unwrap();
    assert!(all.iter().any(|socket| socket.listens && socket.local == at));
    assert!(all.iter().any(|socket| !socket.listens
        && socket.peer == at
        && socket.local == client.local_addr().unwrap()));
    drop((listener, client));
    let all = sockets(std::process::id()).unwrap();
    assert!(all.iter().all(|socket| !socket.listens || socket.local != at));
}

#[test]
fn lines_of_the_kernel_are_read() {
    let line = "   1: 0100007F:1F90 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 4242 1 0";
    let (socket, inode) = row(line).unwrap();
    assert_eq!(
        (socket.local, socket.listens, inode),
        ("127.0.0.1:8080".parse().unwrap(), true, 4242)
    );
    let six = "00000000000000000000000001000000:0050";
    assert_eq!(address(six), Some("[::1]:80".parse().unwrap()));
    let mapped = "0000000000000000FFFF00000100007F:0050";
    assert_eq!(address(mapped), Some("127.0.0.1:80".parse().unwrap()));
    let trie = "  |-- 10.1.2.3\n     /32 host LOCAL\n  |-- 10.1.2.255\n     /32 link BROADCAST\n";
    assert_eq!(of_trie(trie), ["10.1.2.3".parse().unwrap()].into());
    let interfaces = "fe80000000000000000000000000abcd 04 40 20 80 eth0\n20010db8000000000000000000000001 04 40 00 80 eth0\n";
    assert_eq!(of_interfaces(interfaces), ["2001:db8::1".parse().unwrap()].into());
}

#[test]
fn file_systems_are_told_apart_by_where_they_keep_their_bytes() {
    let text = "22 1 8:1 / / rw - ext4 /dev/sda1 rw\n\
        30 22 0:40 / /srv/my\\040data rw - nfs4 files.example:/export rw,vers=4.2,addr=198.51.100.7\n\
        31 22 0:41 / /srv/share rw - cifs //files/share rw\n\
        32 22 0:42 / /srv/ssh rw - fuse.sshfs me@far.example:/home rw\n\
        33 22 43:0 / /srv/block rw - ext4 /dev/nbd0 rw\n\
        34 22 0:43 / /srv/odd rw - fuse.bucket bucket rw\n";
    let at = |path: &str| mount_of(text, Path::new(path)).unwrap().keeper();
    assert_eq!(at("/srv/other"), Keeper::Here);
    assert_eq!(at("/srv/my data/x"), Keeper::Host("198.51.100.7".to_owned()));
    assert_eq!(at("/srv/share"), Keeper::Host("files".to_owned()));
    assert_eq!(at("/srv/ssh"), Keeper::Host("far.example".to_owned()));
    assert_eq!(at("/srv/block"), Keeper::Unknown);
    assert_eq!(at("/srv/odd/deep"), Keeper::Unknown);
    assert_eq!(at("/srv/oddly"), Keeper::Here, "a name that only begins alike");
}

#[test]
fn networks_hold_their_own_addresses() {
    let holds =
        |network: &str, ip: &str| network.parse::<Network>().unwrap().contains(ip.parse().unwrap());
    assert!(holds("10.20.0.0/16", "10.20.255.1") && !holds("10.20.0.0/16", "10.21.0.1"));
    assert!(holds("10.20.0.5", "10.20.0.5") && !holds("10.20.0.5", "10.20.0.6"));
    assert!(holds("0.0.0.0/0", "198.51.100.7") && !holds("0.0.0.0/0", "2001:db8::1"));
    assert!(holds("2001:db8::/32", "2001:db8:1::1") && !holds("2001:db8::/32", "2001:db9::1"));
    assert!(holds("10.0.0.0/8", "::ffff:10.1.1.1"));
    for wrong in ["", "10.0.0.0/33", "example.org", "10.0.0.0/", "::/129"] {
        assert!(wrong.parse::<Network>().is_err(), "{wrong}");
    }
}
