//! Counts in Redis, which all gateways share.

use std::sync::Mutex;
use std::sync::PoisonError;
use std::time::Duration;

use redis::aio::{ConnectionManager, ConnectionManagerConfig};
use redis::{RedisError, Script};
use sha2::{Digest, Sha256};
use tokio::time::Instant;

use super::window::{Count, Quota};
use crate::codec::text::hex;

/// A call waits no longer than this for its counts.
const PATIENCE: Duration = Duration::from_millis(250);
/// After a failure Redis is left alone for as long.
const PAUSE: Duration = Duration::from_secs(1);

/// Counts one call for all keys, or for none when one of them has no room; by the server's clock,
/// so that gateways need not agree on the time. Answers the counts before the call. A server is
/// meant, not a cluster, whose scripts may not touch keys of several nodes.
const TAKE: &str = r"
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local room, answer, windows = true, {}, {}
for i, key in ipairs(KEYS) do
  local limit, length = tonumber(ARGV[2 * i - 1]), tonumber(ARGV[2 * i])
  local index = math.floor(now / length)
  local elapsed = now - index * length
  local known = redis.call('HMGET', key, 'i', 'c', 'p')
  local at, current, previous = tonumber(known[1]), tonumber(known[2]) or 0, tonumber(known[3]) or 0
  if at == index - 1 then
    current, previous = 0, current
  elseif at ~= index then
    current, previous = 0, 0
  end
  windows[i] = {index, current, previous, length}
  answer[#answer + 1], answer[#answer + 2], answer[#answer + 3] = previous, current, elapsed
  if math.floor(previous * (length - elapsed) / length) + current >= limit then room = false end
end
if room then
  for i, key in ipairs(KEYS) do
    local window = windows[i]
    redis.call('HSET', key, 'i', window[1], 'c', window[2] + 1, 'p', window[3])
    redis.call('PEXPIRE', key, 2 * window[4])
  end
end
return answer
";

/// A Redis server.
pub(crate) struct Shared {
    connection: ConnectionManager,
    script: Script,
    /// Until when it is not asked, because it failed.
    away: Mutex<Option<Instant>>,
}

impl Shared {
    /// Connects when the first call is counted.
    ///
    /// # Errors
    /// When the address is none of Redis.
    pub(crate) fn open(url: &str) -> Result<Self, RedisError> {
        let config = ConnectionManagerConfig::new()
            .set_connection_timeout(Some(PATIENCE))
            .set_response_timeout(Some(PATIENCE))
            .set_number_of_retries(0);
        let connection = redis::Client::open(url)?.get_connection_manager_lazy(config)?;
        Ok(Self { connection, script: Script::new(TAKE), away: Mutex::default() })
    }

    /// As `Memory::take`. None: Redis does not answer, which is logged once until it does again.
    pub(crate) async fn take(&self, subjects: &[(String, Quota)]) -> Option<Vec<Count>> {
        let was_away = *self.away.lock().unwrap_or_else(PoisonError::into_inner);
        if was_away.is_some_and(|until| Instant::now() < until) {
            return None;
        }
        let answer = tokio::time::timeout(PATIENCE, self.ask(subjects)).await;
        let answer = answer.map_err(|_| "it took too long".to_owned());
        let answer = answer.and_then(|answer| answer.map_err(|error| error.to_string()));
        let mut away = self.away.lock().unwrap_or_else(PoisonError::into_inner);
        match answer {
            Ok(counts) => {
                if away.take().is_some() {
                    tracing::info!("Redis answers again; calls are counted there");
                }
                Some(counts)
            }
            Err(why) => {
                if away.is_none() {
                    tracing::error!(why, "Redis does not answer; calls are counted in memory");
                }
                *away = Some(Instant::now() + PAUSE);
                None
            }
        }
    }

    async fn ask(&self, subjects: &[(String, Quota)]) -> Result<Vec<Count>, RedisError> {
        let mut call = self.script.prepare_invoke();
        for (name, quota) in subjects {
            // Hashed, as names hold network addresses.
            let hash: [u8; 32] = Sha256::digest(name.as_bytes()).into();
            call.key(format!("tessera:limit:{}", hex(&hash[..16]))).arg(quota.limit).arg(quota.millis());
        }
        let numbers: Vec<u64> = call.invoke_async(&mut self.connection.clone()).await?;
        let small = |number: u64| u32::try_from(number).unwrap_or(u32::MAX);
        let count =
            |three: &[u64]| Count { previous: small(three[0]), current: small(three[1]), elapsed: three[2] };
        Ok(numbers.chunks_exact(3).map(count).collect())
    }
}
