//! Notes, checkpoints and proofs as text, against the specification's own example.

#![expect(clippy::unwrap_used, reason = "tests fail by panic")]

use aws_lc_rs::signature::{Ed25519KeyPair, KeyPair};
use ledger::{Checkpoint, LogProof, Note, NoteError, NoteSigner, VerifierKey, sign, tree};
use proptest::prelude::*;

/// The example of golang.org/x/mod/sumdb/note and c2sp.org/signed-note.
const KEY: &str = "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW";
const NOTE: &str = "If you think cryptography is the answer to your problem,\n\
    then you don't know what your problem is.\n\n\
    \u{2014} PeterNeumann x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqdngotpRZb6KE6RyyBwJnAM=\n";
/// Its private seed: `PRIVATE+KEY+PeterNeumann+c74f20a3+AYEKFALVFGyNhPJEMzD1QIDr+Y7hfZx09iUvxdXHKDFz`.
const SEED: &str = "810a1402d5146c8d84f2443330f54080ebf98ee17d9c74f6252fc5d5c7283173";

fn signed(name: &str, seed: &[u8; 32], text: &str) -> (String, VerifierKey) {
    let pair = Ed25519KeyPair::from_seed_unchecked(seed).unwrap();
    let public = pair.public_key().as_ref().try_into().unwrap();
    let sign_with = |message: &[u8]| <[u8; 64]>::try_from(pair.sign(message).as_ref()).unwrap();
    let signer = NoteSigner { name, public, sign: &sign_with };
    (sign(text, &signer).unwrap(), signer.verifier().unwrap())
}

#[test]
fn the_example_of_the_specification() {
    let key = VerifierKey::parse(KEY).unwrap();
    assert_eq!((key.name(), key.to_string().as_str()), ("PeterNeumann", KEY));
    let note = Note::parse(NOTE).unwrap();
    assert!(note.signed_by(&key));
    let seed: [u8; 32] = hex::decode(SEED).unwrap().try_into().unwrap();
    assert_eq!(signed("PeterNeumann", &seed, &note.text), (NOTE.to_owned(), key));
}

#[test]
fn another_text_name_or_key_is_not_signed() {
    let (text, key) = signed("example.org/log", &[7; 32], "one\n\ntwo\n");
    let note = Note::parse(&text).unwrap();
    assert_eq!(note.text, "one\n\ntwo\n");
    assert!(note.signed_by(&key));
    assert!(!note.signed_by(&key.named("example.org/other").unwrap()));
    assert!(!note.signed_by(&signed("example.org/log", &[8; 32], "x\n").1));
    assert!(!Note::parse(&text.replace("one", "uno")).unwrap().signed_by(&key));
    // A good line does not excuse a bad one under the same key.
    let (other, _) = signed("example.org/log", &[7; 32], "other\n");
    let line = other.lines().last().unwrap();
    assert!(!Note::parse(&format!("{text}{line}\n")).unwrap().signed_by(&key));
    // Lines of keys that are not ours are passed over: cosignatures of witnesses.
    let (other, _) = signed("witness.example", &[9; 32], "other\n");
    let line = other.lines().last().unwrap();
    assert!(Note::parse(&format!("{text}{line}\n")).unwrap().signed_by(&key));
}

#[test]
fn malformed_notes_and_keys_are_refused() {
    let sig = NOTE.split("\n\n").nth(1).unwrap();
    for note in [
        "",
        "\n\n",
        "text\n",
        "text\n\n",
        &format!("\n\n{sig}"),
        &format!("te\u{7}xt\n\n{sig}"),
        NOTE.trim_end(),
        &NOTE.replace('\u{2014}', "-"),
        &NOTE.replace("nAM=\n", "nAN=\n"),
        &format!("{NOTE}\n"),
        &"x".repeat(70_000),
    ] {
        assert_eq!(Note::parse(note), Err(NoteError::Malformed), "{note:?}");
    }
    for key in [
        "",
        "a+b",
        "a+00000000+AQ==",
        &KEY.replace("c74f", "c74e"),
        &KEY.replace("PeterN", "P N"),
        &KEY.replace("+AR", "+AB"),
    ] {
        assert_eq!(VerifierKey::parse(key), Err(NoteError::Key), "{key:?}");
    }
}

#[test]
fn checkpoints_have_three_lines_and_no_other_form() {
    let (good, key) = signed(
        "example.org/log",
        &[7; 32],
        "example.org/log\n12\n47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=\n",
    );
    let head = Checkpoint::verified(&good, &key).unwrap();
    assert_eq!(
        (head.origin.as_str(), head.size, head.root),
        ("example.org/log", 12, tree::empty_root())
    );
    for text in [
        "\n12\n47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=\n",
        "example.org/log\n012\n47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=\n",
        "example.org/log\n+12\n47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=\n",
        "example.org/log\n18446744073709551616\n47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=\n",
        "example.org/log\n12\n47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuF==\n",
        "example.org/log\n12\n47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=\nextension\n",
        "example.org/log\n12\n",
    ] {
        let (note, key) = signed("example.org/log", &[7; 32], text);
        assert_eq!(Checkpoint::verified(&note, &key), None, "{text}");
    }
}

#[test]
fn log_proofs_round_trip_and_verify() {
    let leaves: Vec<_> = (0u8..5).map(|at| tree::leaf_hash(&[at])).collect();
    let root = tree::root_of(&leaves);
    let (checkpoint, key) = signed(
        "example.org/log",
        &[7; 32],
        &format!(
            "example.org/log\n5\n{}\n",
            base64::Engine::encode(&base64::engine::general_purpose::STANDARD, root)
        ),
    );
    let path = vec![leaves[0], tree::root_of(&leaves[2..4]), leaves[4]];
    let proof = LogProof { index: 1, path, checkpoint };
    assert_eq!(LogProof::parse(&proof.to_text()), Some(proof.clone()));
    assert_eq!(proof.verified(&[1], &key).unwrap().size, 5);
    assert_eq!(proof.verified(&[2], &key), None);
    assert_eq!(LogProof { index: 0, ..proof.clone() }.verified(&[1], &key), None);
    for text in [
        "",
        "c2sp.org/tlog-proof@v1\nindex 01\n\nx",
        "c2sp.org/tlog-proof@v2\nindex 1\n\nx",
        "c2sp.org/tlog-proof@v1\nindex 1\nAA==\n\nx",
    ] {
        assert_eq!(LogProof::parse(text), None);
    }
    let bare = LogProof { index: 0, path: vec![], checkpoint: "x".to_owned() };
    assert_eq!(LogProof::parse(&bare.to_text()), Some(bare));
}

proptest! {
    #[test]
    fn any_text_reads_or_is_refused(text in any::<String>(), tail in any::<String>()) {
        let _ = Note::parse(&format!("{text}\n\n{tail}"));
        let _ = VerifierKey::parse(&text);
        let _ = LogProof::parse(&format!("c2sp.org/tlog-proof@v1\nindex {text}\n\n{tail}"));
    }
}
