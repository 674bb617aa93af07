//! Password hashing off the async threads: as many at once as there are cores, and a queue with an end.

use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    thread::available_parallelism,
};

use domain::{Error, Result, Secret, UserId};
use tokio::sync::Semaphore;
use vault::Passwords;

/// How many may wait for each one that runs: about 200 ms of queue.
const WAITING_PER_CORE: usize = 8;

/// The door to Argon2. Each run takes 19 MiB and about 50 ms of one core, so their number is bounded.
pub(crate) struct Hashing {
    passwords: Arc<Passwords>,
    running: Arc<Semaphore>,
    /// Runs and waits together.
    admitted: Arc<AtomicUsize>,
    limit: usize,
}

/// One place in the queue or at work; given back when dropped.
struct Place(Arc<AtomicUsize>);

impl Drop for Place {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::AcqRel);
    }
}

impl Hashing {
    pub(crate) fn new(passwords: Arc<Passwords>) -> Self {
        Self::with_cores(passwords, available_parallelism().map_or(1, usize::from))
    }

    fn with_cores(passwords: Arc<Passwords>, cores: usize) -> Self {
        Self {
            passwords,
            running: Arc::new(Semaphore::new(cores)),
            admitted: Arc::default(),
            limit: cores * (1 + WAITING_PER_CORE),
        }
    }

    /// # Errors
    /// `Unavailable` with code `busy` when the queue is full; `Invalid` for an over-long password.
    pub(crate) async fn hash(&self, user: UserId, password: Secret<String>) -> Result<Vec<u8>> {
        self.run(move |passwords| passwords.hash(user, &password)).await?
    }

    /// Runs Argon2 once whether or not there is a stored hash.
    ///
    /// # Errors
    /// `Unavailable` with code `busy` when the queue is full.
    pub(crate) async fn verify(
        &self,
        user: UserId,
        password: Secret<String>,
        stored: Option<Vec<u8>>,
    ) -> Result<bool> {
        self.run(move |passwords| passwords.verify(user, &password, stored.as_deref())).await
    }

    async fn run<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Passwords) -> T + Send + 'static,
    ) -> Result<T> {
        let place = self.admit()?;
        let permit = Arc::clone(&self.running).acquire_owned().await.map_err(Error::internal)?;
        let passwords = Arc::clone(&self.passwords);
        // The permit travels with the work: a caller who leaves does not make room for another run.
        let task = tokio::task::spawn_blocking(move || {
            let _held = (place, permit);
            work(&passwords)
        });
        task.await.map_err(Error::internal)
    }

    fn admit(&self) -> Result<Place> {
        let before = self.admitted.fetch_add(1, Ordering::AcqRel);
        let place = Place(Arc::clone(&self.admitted));
        if before < self.limit {
            return Ok(place);
        }
        Err(Error::unavailable("Too many people are signing in at this moment. Try again shortly.")
            .with_code("busy"))
    }
}

#[cfg(test)]
mod tests {
    use domain::Timestamp;
    use vault::DataKey;

    use super::*;

    fn hashing(cores: usize) -> Hashing {
        let passwords = Passwords::new(DataKey::generate([1; 16]).unwrap()).ok().unwrap();
        Hashing::with_cores(Arc::new(passwords), cores)
    }

    #[tokio::test]
    async fn a_hash_verifies_through_the_door() {
        let hashing = hashing(1);
        let user = UserId::new(Timestamp::from_millis(1));
        let password = || Secret::new("correct horse battery".to_owned());
        let hash = hashing.hash(user, password()).await.unwrap();
        assert!(hashing.verify(user, password(), Some(hash)).await.unwrap());
        assert!(!hashing.verify(user, password(), None).await.unwrap());
    }

    #[tokio::test]
    async fn a_full_queue_refuses_at_once_and_empties_again() {
        let hashing = hashing(1);
        let user = UserId::new(Timestamp::from_millis(1));
        let places: Vec<_> = (0..hashing.limit).map(|_| hashing.admit().unwrap()).collect();
        let refused = hashing.verify(user, Secret::new(String::new()), None).await;
        assert_eq!(refused.unwrap_err().code(), "busy");
        drop(places);
        assert!(hashing.verify(user, Secret::new(String::new()), None).await.is_ok());
        assert_eq!(hashing.admitted.load(Ordering::Acquire), 0);
    }
}
