//! Passwords: which are good enough, their hashes, and how they are checked without holding up anything else.

use std::sync::Arc;

use argon2::password_hash::phc::PasswordHash;
use argon2::{Algorithm, Argon2, Params, PasswordHasher, PasswordVerifier, Version};
use contracts::identity::v1::IdentityReason;
use kit::{Error, Result, Uuid, ensure};
use store::Cx;
use tokio::sync::Semaphore;

/// OWASP's choice of 2024 for Argon2id: 19 MiB, two passes, one lane.
const MEMORY_KIB: u32 = 19_456;
const PASSES: u32 = 2;
const LANES: u32 = 1;

/// A hash of nothing in particular: an unknown address costs as much time as a wrong password.
const NOBODY: &str = "$argon2id$v=19$m=19456,t=2,p=1$bm9ib2R5IGtub3dzIHRoZQ$\
                      Rr6IzLZ0N0gqd3rl5x1Wkz1Yz2pIu0yS6y8oCq3l8QE";

/// Parts of names shorter than this are no hint.
const NAME_MIN: usize = 4;

/// Hashes and checks passwords, as many at a time as there are processors.
#[derive(Clone)]
pub struct Passwords(Arc<Semaphore>);

impl Default for Passwords {
    fn default() -> Self {
        let processors = std::thread::available_parallelism().map_or(2, usize::from);
        Self(Arc::new(Semaphore::new(processors)))
    }
}

impl Passwords {
    /// The hash of a new password, in PHC form.
    pub async fn hash(&self, password: String) -> Result<String> {
        self.run(move || {
            let hash = hasher()?.hash_password(password.as_bytes()).map_err(Error::internal)?;
            Ok(hash.to_string())
        })
        .await
    }

    /// Whether a password is that of a hash.
    pub async fn fits(&self, password: &str, hash: String) -> Result<bool> {
        let password = password.to_owned();
        self.run(move || {
            let hash = PasswordHash::new(&hash).map_err(Error::internal)?;
            Ok(hasher()?.verify_password(password.as_bytes(), &hash).is_ok())
        })
        .await
    }

    /// Takes the time of a check.
    pub async fn pretend(&self, password: &str) -> Result<()> {
        self.fits(password, NOBODY.to_owned()).await.map(|_| ())
    }

    /// Off the threads that serve: a hash takes some 20 ms of computing.
    async fn run<T: Send + 'static>(&self, work: impl FnOnce() -> Result<T> + Send + 'static) -> Result<T> {
        let permit = self.0.clone().acquire_owned().await.map_err(Error::internal)?;
        let done = tokio::task::spawn_blocking(move || {
            let _permit = permit;
            work()
        });
        done.await.map_err(Error::internal)?
    }
}

fn hasher() -> Result<Argon2<'static>> {
    let params = Params::new(MEMORY_KIB, PASSES, LANES, None).map_err(Error::internal)?;
    Ok(Argon2::new(Algorithm::Argon2id, Version::V0x13, params))
}

/// Refuses what is tried first: common passwords, and those that hold the user's own name.
pub fn check_strength(password: &str, email: &str, display_name: &str) -> Result<()> {
    let small = password.to_lowercase();
    let letters: String = small.chars().filter(|letter| letter.is_alphanumeric()).collect();
    let common = COMMON.contains(&small.as_str()) || COMMON.contains(&letters.as_str());
    ensure!(!common && !is_monotonous(&small), IdentityReason::PasswordWeak);
    let local_part = email.split('@').next().unwrap_or_default();
    let names = [local_part, display_name].map(str::to_lowercase);
    let names_it = names.iter().any(|name| name.chars().count() >= NAME_MIN && small.contains(name.as_str()));
    ensure!(!names_it, IdentityReason::PasswordWeak);
    Ok(())
}

/// One letter again and again, or a run such as `abcdefghij` or `9876543210`.
fn is_monotonous(password: &str) -> bool {
    let codes: Vec<i64> = password.chars().map(|letter| i64::from(u32::from(letter))).collect();
    let steps: Vec<i64> = codes.windows(2).map(|pair| pair[1] - pair[0]).collect();
    steps.first().is_some_and(|first| first.abs() <= 1 && steps.iter().all(|step| step == first))
}

/// Of the lists of leaked passwords, those of ten letters and more that lead them.
#[rustfmt::skip]
const COMMON: &[&str] = &[
    "1234567890", "0123456789", "12345678910", "123456789a", "1q2w3e4r5t", "1q2w3e4r5t6y", "1qaz2wsx3edc", "zaq12wsxcde3",
    "qwertyuiop", "qwerty1234", "qwerty12345", "qwerty123456", "asdfghjkl1", "asdfghjkl;", "zxcvbnm123", "qazwsxedcrfv",
    "password12", "password123", "password1234", "passw0rd12", "passw0rd123", "password01", "mypassword", "changeme123",
    "changeme1234", "letmein123", "letmein1234", "welcome123", "welcome1234", "welcome2024", "welcome2025", "welcome2026",
    "iloveyou123", "iloveyou12", "administrator", "adminadmin", "admin12345", "admin123456", "rootroot123", "secretsecret",
    "football123", "baseball123", "basketball", "superman123", "batman12345", "princess123", "sunshine123", "dragon12345",
    "monkey12345", "master12345", "trustno1234", "abcdefghij", "abcd123456", "abc1234567", "abcdef1234", "aaaaaaaaaa",
    "1111111111", "0000000000", "9876543210", "0987654321", "1122334455", "1234512345", "123123123123", "987654321a",
    "leonardo123", "christopher", "manchester", "liverpool1", "california", "washington", "elizabeth1", "alexander1",
    "correcthorsebatterystaple", "unbelievable", "internet123", "computer123", "summer2024", "summer2025", "winter2025",
];

/// The hash of a user's password. It changes only under the lock of the user's row.
pub async fn find(cx: &mut Cx, user: Uuid) -> Result<Option<String>> {
    let query = sqlx::query_as::<_, (String,)>("select hash from passwords where user_id = $1");
    Ok(cx.row(query.bind(user)).await?.map(|(hash,)| hash))
}

/// Gives a user a password.
pub async fn store(cx: &mut Cx, user: Uuid, hash: &str) -> Result<()> {
    let now = cx.now();
    let query = "insert into passwords (user_id, hash, change_time) values ($1, $2, $3)
         on conflict (tenant_id, user_id) do update set hash = excluded.hash, change_time = excluded.change_time";
    cx.execute(sqlx::query(query).bind(user).bind(hash).bind(now)).await?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_hash_fits_its_password_only() {
        // And two hashes of one password must differ, or equal passwords would show.
        let passwords = Passwords::default();
        let hash = passwords.hash("correct horse".to_owned()).await.unwrap();
        assert!(hash.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"), "{hash}");
        assert!(passwords.fits("correct horse", hash.clone()).await.unwrap());
        assert!(!passwords.fits("correct horsf", hash.clone()).await.unwrap());
        assert_ne!(passwords.hash("correct horse".to_owned()).await.unwrap(), hash);
    }

    #[tokio::test]
    async fn nobody_costs_as_much_as_somebody() {
        // The stand-in must be readable and carry the same parameters, or it would answer at once.
        let hash = PasswordHash::new(NOBODY).unwrap();
        let params = Params::try_from(&hash).unwrap();
        assert_eq!((params.m_cost(), params.t_cost(), params.p_cost()), (MEMORY_KIB, PASSES, LANES));
        assert_eq!(hash.hash.unwrap().len(), 32);
        Passwords::default().pretend("whatever").await.unwrap();
    }

    #[test]
    fn what_is_tried_first_is_refused() {
        // Length alone does not make a password: lists, keyboards, runs and names are guessed first.
        let answer = |password: &str| check_strength(password, "ada.king@example.com", "Ada Lovelace");
        for weak in [
            "Password123",
            "qwertyuiop",
            "zzzzzzzzzz",
            "cdefghijkl",
            "9876543210",
            "ada.king-2026",
            "1 ada lovelace",
        ] {
            assert!(answer(weak).unwrap_err().is(IdentityReason::PasswordWeak), "{weak}");
        }
        for good in ["blue-tram-under-7", "Xk3!mmp0qz", "zwölf graue Katzen"] {
            assert!(answer(good).is_ok(), "{good}");
        }
    }

    #[test]
    fn short_names_are_no_hint() {
        // Somebody called Li could otherwise use no password with those two letters in it.
        assert!(check_strength("brilliant-oak-9", "li@example.com", "Li").is_ok());
    }
}
