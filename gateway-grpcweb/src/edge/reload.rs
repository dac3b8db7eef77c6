//! The descriptor set, taken anew while the gateway runs: from its file, or from the services
//! themselves by reflection. A set that cannot be served is refused, and the old one stays.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use prost::Message;
use prost_types::FileDescriptorProto;
use sha2::{Digest, Sha256};
use tonic::transport::Channel;
use tonic_reflection::pb::v1::ServerReflectionRequest;
use tonic_reflection::pb::v1::server_reflection_client::ServerReflectionClient;
use tonic_reflection::pb::v1::server_reflection_request::MessageRequest;
use tonic_reflection::pb::v1::server_reflection_response::MessageResponse;

use crate::Gateway;

/// How long services may take to tell what they are.
const ASK_MAX: Duration = Duration::from_secs(10);
/// The most files that are taken from one service.
const FILES_MAX: usize = 10_000;

/// Where the descriptor set comes from.
#[derive(Debug, Clone)]
pub enum Descriptors {
    /// A file with an encoded `FileDescriptorSet`.
    File(PathBuf),
    /// Services that speak `grpc.reflection.v1`, whose files are put together.
    Reflection(Vec<Channel>),
}

impl Descriptors {
    /// Reads the set.
    ///
    /// # Errors
    /// Says what could not be read.
    pub async fn read(&self) -> Result<Vec<u8>, String> {
        match self {
            Self::File(path) => {
                tokio::fs::read(path).await.map_err(|error| format!("{}: {error}", path.display()))
            }
            Self::Reflection(channels) => {
                let mut files = BTreeMap::new();
                for channel in channels {
                    let asked = tokio::time::timeout(ASK_MAX, reflect(channel.clone(), &mut files)).await;
                    asked.map_err(|_| "reflection took too long".to_owned())??;
                }
                Ok(RawSet { file: ordered(files) }.encode_to_vec())
            }
        }
    }
}

impl Gateway {
    /// Reloads whenever the set has changed, for ever.
    pub async fn watch(self, descriptors: Descriptors, every: Duration) {
        let digest = |set: &[u8]| -> [u8; 32] { Sha256::digest(set).into() };
        let mut seen = descriptors.read().await.ok().map(|set| digest(&set));
        loop {
            tokio::time::sleep(every).await;
            let set = match descriptors.read().await {
                Ok(set) => set,
                Err(why) => {
                    tracing::warn!(why, "the descriptor set cannot be read; the one in use stays");
                    continue;
                }
            };
            let now = Some(digest(&set));
            if now == seen {
                continue;
            }
            seen = now;
            let outcome = match self.reload(&set) {
                Ok(()) => {
                    tracing::info!(snapshot = ?self.snapshot(), "the descriptor set was replaced");
                    "taken"
                }
                Err(error) => {
                    tracing::error!(%error, "the new descriptor set cannot be served; the one in use stays");
                    "refused"
                }
            };
            metrics::counter!("gateway_reloads_total", "outcome" => outcome).increment(1);
        }
    }
}

type Files = BTreeMap<String, File>;

/// A file as it came: to decode and encode it again would lose the options that nobody here knows.
struct File {
    encoded: Vec<u8>,
    imports: Vec<String>,
}

/// `google.protobuf.FileDescriptorSet` of files as they came.
#[derive(Clone, PartialEq, prost::Message)]
struct RawSet {
    #[prost(bytes = "vec", repeated, tag = "1")]
    file: Vec<Vec<u8>>,
}

/// Adds all files of a service, with those they import.
async fn reflect(channel: Channel, files: &mut Files) -> Result<(), String> {
    let mut client = ServerReflectionClient::new(channel);
    let listed = ask(&mut client, MessageRequest::ListServices(String::new())).await?;
    let MessageResponse::ListServicesResponse(list) = listed else {
        return Err("reflection lists no services".to_owned());
    };
    for service in list.service {
        take(ask(&mut client, MessageRequest::FileContainingSymbol(service.name)).await?, files)?;
    }
    loop {
        let imports = files.values().flat_map(|file| &file.imports);
        let Some(missing) = imports.into_iter().find(|name| !files.contains_key(*name)).cloned() else {
            return Ok(());
        };
        take(ask(&mut client, MessageRequest::FileByFilename(missing.clone())).await?, files)?;
        if !files.contains_key(&missing) {
            return Err(format!("reflection does not have {missing}"));
        }
    }
}

async fn ask(
    client: &mut ServerReflectionClient<Channel>,
    request: MessageRequest,
) -> Result<MessageResponse, String> {
    let request = ServerReflectionRequest { host: String::new(), message_request: Some(request) };
    let answers = client.server_reflection_info(tokio_stream::once(request)).await;
    let mut answers = answers.map_err(|status| status.to_string())?.into_inner();
    let answer = answers.message().await.map_err(|status| status.to_string())?;
    match answer.and_then(|answer| answer.message_response) {
        Some(MessageResponse::ErrorResponse(error)) => Err(error.error_message),
        Some(answer) => Ok(answer),
        None => Err("reflection did not answer".to_owned()),
    }
}

fn take(answer: MessageResponse, files: &mut Files) -> Result<(), String> {
    let MessageResponse::FileDescriptorResponse(answer) = answer else {
        return Err("reflection answered with something else".to_owned());
    };
    for encoded in answer.file_descriptor_proto {
        let file = FileDescriptorProto::decode(&*encoded).map_err(|error| error.to_string())?;
        let (name, imports) = (file.name().to_owned(), file.dependency);
        if files.len() >= FILES_MAX {
            return Err(format!("there are more than {FILES_MAX} files"));
        }
        files.insert(name, File { encoded, imports });
    }
    Ok(())
}

/// Files behind those they import, as a set must have them.
fn ordered(mut files: Files) -> Vec<Vec<u8>> {
    let mut done = Vec::with_capacity(files.len());
    while !files.is_empty() {
        let is_done = |name: &String| !files.contains_key(name);
        let ready: Vec<_> = files
            .iter()
            .filter(|(_, file)| file.imports.iter().all(is_done))
            .map(|(name, _)| name.clone())
            .collect();
        if ready.is_empty() {
            // Imports in a circle: whoever compiles the set says so.
            done.extend(std::mem::take(&mut files).into_values().map(|file| file.encoded));
        }
        done.extend(ready.iter().filter_map(|name| Some(files.remove(name)?.encoded)));
    }
    done
}
