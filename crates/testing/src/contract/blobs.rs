//! What a store promises about large values.

use std::sync::Arc;

use super::given::{Stores, at_once};
use procession_application::ports::BlobError;

const KEY: &str = "executions/0199a6f0-5c3e-7d31-a7c5-0b9d4a1f2c33/steps/a/output/44136fa3";

/// A blob is read back as it was written, however large, whatever its bytes.
pub async fn a_blob_is_read_back_as_it_was_written(stores: &Stores) {
    let large: Vec<u8> = (0..3_000_000_u32).map(|byte| byte.to_le_bytes()[0] ^ byte.to_le_bytes()[1]).collect();
    for (key, content) in [(KEY, large.as_slice()), ("a", b""), ("a-b/c.d_e/F", b"\0\xff\r\n")] {
        stores.blobs.put(key, content).await.unwrap();
        assert_eq!(stores.blobs.get(key).await.unwrap(), content);
    }
}

/// A blob that is not there is missing, and says which.
pub async fn a_missing_blob_is_said_to_be_missing(stores: &Stores) {
    let missing = stores.blobs.get(KEY).await;
    assert!(matches!(missing, Err(BlobError::Missing(key)) if key == KEY));
    stores.blobs.put(KEY, b"1").await.unwrap();
    let folder = KEY.rsplit_once('/').unwrap().0;
    for near in [folder, &format!("{KEY}0"), "executions"] {
        assert!(matches!(stores.blobs.get(near).await, Err(BlobError::Missing(_))), "{near}");
    }
}

/// A blob is never overwritten: what is there stays.
pub async fn a_blob_is_never_overwritten(stores: &Stores) {
    stores.blobs.put(KEY, b"first").await.unwrap();
    stores.blobs.put(KEY, b"second").await.unwrap();
    assert_eq!(stores.blobs.get(KEY).await.unwrap(), b"first");
}

/// Of writes of one key at once, one is kept whole, and all succeed.
pub async fn of_writes_at_once_one_is_kept_whole(stores: &Stores) {
    let writes: Vec<_> = (0..16_u8)
        .map(|number| {
            let blobs = Arc::clone(&stores.blobs);
            async move { blobs.put(KEY, &vec![number; 100_000]).await }
        })
        .collect();
    let reads: Vec<_> = (0..16)
        .map(|_| {
            let blobs = Arc::clone(&stores.blobs);
            async move { blobs.get(KEY).await }
        })
        .collect();
    let writing = tokio::spawn(at_once(writes));
    for read in at_once(reads).await {
        match read {
            Ok(content) => assert!(content.len() == 100_000 && content.iter().all(|byte| *byte == content[0])),
            Err(error) => assert!(matches!(error, BlobError::Missing(_)), "{error}"),
        }
    }
    assert!(writing.await.unwrap().iter().all(Result::is_ok));
    let kept = stores.blobs.get(KEY).await.unwrap();
    assert!(kept.len() == 100_000 && kept.iter().all(|byte| *byte == kept[0]));
}

/// Blobs are listed by the beginning of their keys, with the time of their writing.
pub async fn blobs_are_listed_by_the_beginning_of_their_keys(stores: &Stores) {
    for key in ["executions/one/input/a", "executions/one/steps/s/output/b", "executions/two/input/c", "other/d"] {
        stores.blobs.put(key, b"{}").await.unwrap();
    }
    for (prefix, expected) in [("executions/one/", 2), ("executions/", 3), ("", 4), ("executions/o", 2), ("none", 0)] {
        let mut listed = stores.blobs.list(prefix).await.unwrap();
        listed.sort();
        assert_eq!(listed.len(), expected, "{prefix}");
        assert!(listed.iter().all(|(key, written_at)| key.starts_with(prefix) && *written_at > 0));
    }
    let listed = stores.blobs.list("other").await.unwrap();
    assert_eq!(listed[0].0, "other/d");
}

/// A deleted blob is gone, alone; deleting what is not there is nothing; the key can be written again.
pub async fn a_deleted_blob_is_gone_alone(stores: &Stores) {
    let (one, two) = ("executions/one/input/a", "executions/one/input/b");
    stores.blobs.put(one, b"1").await.unwrap();
    stores.blobs.put(two, b"2").await.unwrap();
    stores.blobs.delete(one).await.unwrap();
    stores.blobs.delete(one).await.unwrap();
    assert!(matches!(stores.blobs.get(one).await, Err(BlobError::Missing(_))));
    assert_eq!(stores.blobs.get(two).await.unwrap(), b"2");
    stores.blobs.delete(two).await.unwrap();
    assert_eq!(stores.blobs.list("").await.unwrap(), []);
    stores.blobs.put(one, b"again").await.unwrap();
    assert_eq!(stores.blobs.get(one).await.unwrap(), b"again");
}

/// What is no key is refused: above all what would lead out of the store.
pub async fn what_is_no_key_is_refused(stores: &Stores) {
    let bad =
        ["", "/etc/passwd", "..", "a/../../b", "a//b", "a/", "./a", ".hidden", "a\\b", "a\0b", "C:evil", "ä", "a b"];
    for key in bad {
        let refused = stores.blobs.put(key, b"x").await;
        assert!(matches!(refused, Err(BlobError::Unavailable(_))), "{key:?}");
        assert!(matches!(stores.blobs.get(key).await, Err(BlobError::Missing(_))), "{key:?}");
        stores.blobs.delete(key).await.unwrap();
    }
    assert_eq!(stores.blobs.list("").await.unwrap(), []);
}
