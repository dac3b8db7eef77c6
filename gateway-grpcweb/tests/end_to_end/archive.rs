//! `test.archive.v1.Archive`, written by hand.

use std::convert::Infallible;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use http::{HeaderMap, Request, Response};
use prost::Message;
use tokio_stream::{Stream, StreamExt};
use tonic::body::Body;
use tonic::server::{ClientStreamingService, Grpc, NamedService, ServerStreamingService, StreamingService};
use tonic::{Status, Streaming};
use tonic_prost::ProstCodec;

use crate::support::unary;

#[derive(Clone, PartialEq, Message)]
pub struct Note {
    #[prost(string, tag = "1")]
    pub id: String,
    #[prost(string, tag = "2")]
    pub note_text: String,
    #[prost(int32, tag = "3")]
    pub kind: i32,
    #[prost(int32, tag = "4")]
    pub size: i32,
    #[prost(string, tag = "5")]
    pub etag: String,
}

#[derive(Clone, PartialEq, Message)]
pub struct Named {
    #[prost(string, tag = "1")]
    pub id: String,
    #[prost(string, tag = "2")]
    pub etag: String,
}

#[derive(Clone, PartialEq, Message)]
pub struct UpdateNote {
    #[prost(message, optional, tag = "1")]
    pub note: Option<Note>,
}

#[derive(Clone, PartialEq, Message)]
pub struct AddNote {
    #[prost(string, tag = "1")]
    pub folder: String,
    #[prost(message, optional, tag = "2")]
    pub note: Option<Note>,
}

#[derive(Clone, PartialEq, Message)]
pub struct AddedNotes {
    #[prost(message, repeated, tag = "1")]
    pub requests: Vec<AddNote>,
}

#[derive(Clone, PartialEq, Message)]
pub struct Watch {
    #[prost(string, tag = "1")]
    pub cursor: String,
    #[prost(int32, tag = "2")]
    pub size: i32,
    /// `fail` ends badly, `slow` waits long before every note.
    #[prost(string, tag = "3")]
    pub mode: String,
}

#[derive(Clone, PartialEq, Message)]
pub struct Watched {
    #[prost(message, optional, tag = "1")]
    pub note: Option<Note>,
    #[prost(string, tag = "2")]
    pub cursor: String,
}

#[derive(Clone, PartialEq, Message)]
pub struct HttpBody {
    #[prost(string, tag = "1")]
    pub content_type: String,
    #[prost(bytes = "vec", tag = "2")]
    pub data: Vec<u8>,
}

#[derive(Clone, PartialEq, Message)]
pub struct PutFile {
    #[prost(string, tag = "1")]
    pub name: String,
    #[prost(message, optional, tag = "2")]
    pub file: Option<HttpBody>,
}

#[derive(Clone, PartialEq, Message)]
pub struct PutFiles {
    #[prost(message, repeated, tag = "1")]
    pub requests: Vec<PutFile>,
}

/// The etag of every note but `plain`, which has one that is no entity tag.
pub const CURRENT: &str = "\"5\"";

#[derive(Clone, Default)]
pub struct Archive;

impl NamedService for Archive {
    const NAME: &'static str = "test.archive.v1.Archive";
}

impl tower::Service<Request<Body>> for Archive {
    type Response = Response<Body>;
    type Error = Infallible;
    type Future = Pin<Box<dyn Future<Output = Result<Response<Body>, Infallible>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<Body>) -> Self::Future {
        Box::pin(async move {
            let method = request.uri().path().rsplit('/').next().unwrap().to_owned();
            Ok(match method.as_str() {
                "GetNote" => unary(get_note, request).await,
                "UpdateNote" => unary(update_note, request).await,
                "DeleteNote" => unary(delete_note, request).await,
                "GetFile" => unary(get_file, request).await,
                "PutFile" => unary(|put: PutFile, _| Ok(PutFiles { requests: vec![put] }), request).await,
                "WatchNotes" => {
                    Grpc::new(ProstCodec::<Watched, Watch>::default()).server_streaming(Server, request).await
                }
                "ReadFile" => {
                    Grpc::new(ProstCodec::<HttpBody, Named>::default())
                        .server_streaming(Server, request)
                        .await
                }
                "AddNotes" => {
                    Grpc::new(ProstCodec::<AddedNotes, AddNote>::default())
                        .client_streaming(Client, request)
                        .await
                }
                "WriteFile" => {
                    Grpc::new(ProstCodec::<PutFiles, PutFile>::default())
                        .client_streaming(Client, request)
                        .await
                }
                "EchoNotes" => {
                    Grpc::new(ProstCodec::<Note, Note>::default()).streaming(Client, request).await
                }
                _ => Status::unimplemented("no such method").into_http(),
            })
        })
    }
}

type BoxStream<T> = Pin<Box<dyn Stream<Item = Result<T, Status>> + Send>>;
type Answer<T> = Pin<Box<dyn Future<Output = Result<tonic::Response<T>, Status>> + Send>>;

fn note(id: &str) -> Note {
    let etag = if id == "plain" { "v 1" } else { CURRENT };
    Note { id: id.into(), note_text: format!("Note {id}"), kind: 1, size: 0, etag: etag.into() }
}

fn get_note(request: Named, _: &HeaderMap) -> Result<Note, Status> {
    match request.id.as_str() {
        "missing" => Err(Status::not_found("no such note")),
        "hinted" => {
            let mut metadata = tonic::metadata::MetadataMap::new();
            metadata.insert("x-hint", "try 2".parse().unwrap());
            metadata.insert_bin("x-hint-bin", tonic::metadata::MetadataValue::from_bytes(&[0, 255]));
            Err(Status::with_metadata(tonic::Code::Aborted, "not now", metadata))
        }
        id => Ok(note(id)),
    }
}

fn update_note(request: UpdateNote, _: &HeaderMap) -> Result<Note, Status> {
    let given = request.note.unwrap_or_default();
    let current = note(&given.id);
    match given.etag.as_str() {
        "" => {}
        etag if etag == current.etag => {}
        _ => return Err(Status::aborted("the note has changed")),
    }
    if given.id == "missing" {
        return Err(Status::not_found("no such note"));
    }
    Ok(Note { etag: "\"6\"".into(), ..given })
}

fn delete_note(request: Named, _: &HeaderMap) -> Result<(), Status> {
    let fits = request.etag.is_empty() || request.etag == note(&request.id).etag;
    if fits { Ok(()) } else { Err(Status::failed_precondition("the note has changed")) }
}

fn get_file(request: Named, _: &HeaderMap) -> Result<HttpBody, Status> {
    if request.id == "missing" {
        return Err(Status::not_found("no such file"));
    }
    Ok(HttpBody {
        content_type: "text/plain; charset=utf-8".into(),
        data: format!("file {}", request.id).into(),
    })
}

struct Server;

impl ServerStreamingService<Watch> for Server {
    type Response = Watched;
    type ResponseStream = BoxStream<Watched>;
    type Future = Answer<Self::ResponseStream>;

    fn call(&mut self, request: tonic::Request<Watch>) -> Self::Future {
        let watch = request.into_inner();
        let from: i32 = watch.cursor.parse().unwrap_or(0);
        let slow = watch.mode == "slow";
        let notes = (from + 1..=watch.size)
            .map(|at| Ok(Watched { note: Some(note(&at.to_string())), cursor: at.to_string() }));
        let failure = (watch.mode == "fail").then(|| Err(Status::aborted("torn")));
        let stream = tokio_stream::iter(notes.chain(failure)).then(move |item| async move {
            if slow {
                tokio::time::sleep(Duration::from_millis(1_500)).await;
            }
            item
        });
        Box::pin(async move { Ok(tonic::Response::new(Box::pin(stream) as Self::ResponseStream)) })
    }
}

impl ServerStreamingService<Named> for Server {
    type Response = HttpBody;
    type ResponseStream = BoxStream<HttpBody>;
    type Future = Answer<Self::ResponseStream>;

    fn call(&mut self, request: tonic::Request<Named>) -> Self::Future {
        let name = request.into_inner().id;
        let piece = |kind: &str, data: &str| Ok(HttpBody { content_type: kind.into(), data: data.into() });
        let mut pieces = vec![piece("text/plain", "hello "), piece("", &name), piece("", "!")];
        if name == "torn" {
            pieces[2] = Err(Status::aborted("torn"));
        }
        Box::pin(async move {
            Ok(tonic::Response::new(Box::pin(tokio_stream::iter(pieces)) as Self::ResponseStream))
        })
    }
}

struct Client;

async fn collect<T>(request: tonic::Request<Streaming<T>>) -> Result<Vec<T>, Status> {
    let mut stream = request.into_inner();
    let mut all = Vec::new();
    while let Some(one) = stream.message().await? {
        all.push(one);
    }
    Ok(all)
}

impl ClientStreamingService<AddNote> for Client {
    type Response = AddedNotes;
    type Future = Answer<AddedNotes>;

    fn call(&mut self, request: tonic::Request<Streaming<AddNote>>) -> Self::Future {
        Box::pin(async move { Ok(tonic::Response::new(AddedNotes { requests: collect(request).await? })) })
    }
}

impl ClientStreamingService<PutFile> for Client {
    type Response = PutFiles;
    type Future = Answer<PutFiles>;

    fn call(&mut self, request: tonic::Request<Streaming<PutFile>>) -> Self::Future {
        Box::pin(async move { Ok(tonic::Response::new(PutFiles { requests: collect(request).await? })) })
    }
}

impl StreamingService<Note> for Client {
    type Response = Note;
    type ResponseStream = BoxStream<Note>;
    type Future = Answer<Self::ResponseStream>;

    fn call(&mut self, request: tonic::Request<Streaming<Note>>) -> Self::Future {
        let stream = Box::pin(request.into_inner()) as Self::ResponseStream;
        Box::pin(async move { Ok(tonic::Response::new(stream)) })
    }
}
