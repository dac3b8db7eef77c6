//! A tonic server written by hand: the tests need no generated code.

use std::convert::Infallible;
use std::path::Path;
use std::pin::Pin;
use std::task::{Context, Poll};

use http::{HeaderMap, HeaderValue, Request, Response};
use prost::Message;
use prost_types::{Duration, Timestamp};
use tonic::body::Body;
use tonic::server::{Grpc, NamedService, ServerStreamingService, UnaryService};
use tonic::{Code, Status};
use tonic_prost::ProstCodec;
use tonic_types::{ErrorDetails, StatusExt};

/// Compiles the test contract.
pub fn descriptor_set() -> Vec<u8> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let includes = [root.join("tests/protos"), root.join("../proto/third_party")];
    let mut compiler = protox::Compiler::new(includes).unwrap();
    compiler.include_imports(true).include_source_info(false);
    compiler.open_files(["library.proto", "archive.proto"]).unwrap();
    compiler.encode_file_descriptor_set()
}

#[derive(Clone, PartialEq, Message)]
pub struct Book {
    #[prost(string, tag = "1")]
    pub id: String,
    #[prost(string, tag = "2")]
    pub title: String,
    #[prost(string, optional, tag = "3")]
    pub subtitle: Option<String>,
    #[prost(int32, tag = "4")]
    pub genre: i32,
    #[prost(message, optional, tag = "6")]
    pub publish_time: Option<Timestamp>,
    #[prost(message, optional, tag = "7")]
    pub reading_time: Option<Duration>,
    #[prost(message, repeated, tag = "8")]
    pub authors: Vec<Author>,
    #[prost(message, optional, tag = "10")]
    pub editor: Option<Author>,
    #[prost(int64, tag = "12")]
    pub copies: i64,
    #[prost(string, tag = "13")]
    pub etag: String,
}

#[derive(Clone, PartialEq, Message)]
pub struct Author {
    #[prost(string, tag = "1")]
    pub name: String,
    #[prost(int32, tag = "2")]
    pub birth_year: i32,
}

#[derive(Clone, PartialEq, Message)]
pub struct Id {
    #[prost(string, tag = "1")]
    pub id: String,
    #[prost(string, tag = "2")]
    pub reader: String,
}

#[derive(Clone, PartialEq, Message)]
pub struct ListBooksRequest {
    #[prost(int32, tag = "1")]
    pub size: i32,
    #[prost(string, tag = "2")]
    pub filter: String,
    #[prost(int32, repeated, tag = "3")]
    pub genres: Vec<i32>,
    #[prost(message, optional, tag = "4")]
    pub since: Option<Timestamp>,
    #[prost(message, optional, tag = "5")]
    pub by: Option<Author>,
}

#[derive(Clone, PartialEq, Message)]
pub struct ListBooksResponse {
    #[prost(message, repeated, tag = "1")]
    pub books: Vec<Book>,
    #[prost(message, optional, tag = "2")]
    pub request: Option<ListBooksRequest>,
}

#[derive(Clone, PartialEq, Message)]
pub struct Titles {
    #[prost(string, repeated, tag = "1")]
    pub titles: Vec<String>,
}

#[derive(Clone, PartialEq, Message)]
pub struct CreateBookRequest {
    #[prost(message, optional, tag = "1")]
    pub book: Option<Book>,
    #[prost(string, tag = "2")]
    pub request_id: String,
}

#[derive(Clone, PartialEq, Message)]
pub struct UpdateBookRequest {
    #[prost(message, optional, tag = "1")]
    pub book: Option<Book>,
    #[prost(message, optional, tag = "2")]
    pub update_mask: Option<prost_types::FieldMask>,
}

/// `test.library.v1.Library`
#[derive(Clone, Default)]
pub struct Library;

impl NamedService for Library {
    const NAME: &'static str = "test.library.v1.Library";
}

impl tower::Service<Request<Body>> for Library {
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
                "GetBook" => unary(get_book, request).await,
                "ListBooks" => unary(list_books, request).await,
                "ListTitles" => unary(list_titles, request).await,
                "CreateBook" => unary(create_book, request).await,
                "UpdateBook" => unary(update_book, request).await,
                "DeleteBook" => unary(|_: Id, _| Ok(()), request).await,
                "LendBook" => unary(lend_book, request).await,
                "StreamBooks" => {
                    let codec = ProstCodec::<Book, ListBooksRequest>::default();
                    Grpc::new(codec).server_streaming(Streamed, request).await
                }
                _ => Status::unimplemented("no such method").into_http(),
            })
        })
    }
}

pub async fn unary<I, O>(
    handler: fn(I, &HeaderMap) -> Result<O, Status>,
    request: Request<Body>,
) -> Response<Body>
where
    I: Message + Default + Send + 'static,
    O: Message + Default + Send + 'static,
{
    let delay = request.headers().get("x-delay").and_then(|value| value.to_str().ok()?.parse().ok());
    if let Some(delay) = delay {
        tokio::time::sleep(std::time::Duration::from_millis(delay)).await;
    }
    Grpc::new(ProstCodec::<O, I>::default()).unary(Handler { handler }, request).await
}

struct Handler<I, O> {
    handler: fn(I, &HeaderMap) -> Result<O, Status>,
}

impl<I, O> UnaryService<I> for Handler<I, O>
where
    O: Send + 'static,
{
    type Response = O;
    type Future = Pin<Box<dyn Future<Output = Result<tonic::Response<O>, Status>> + Send>>;

    fn call(&mut self, request: tonic::Request<I>) -> Self::Future {
        let (metadata, _, message) = request.into_parts();
        let headers = metadata.into_headers();
        let answer = (self.handler)(message, &headers).map(|message| {
            let mut response = tonic::Response::new(message);
            let seen = headers.get("grpc-timeout").map(|value| value.to_str().unwrap().parse().unwrap());
            if let Some(seen) = seen {
                response.metadata_mut().insert("x-seen-timeout", seen);
            }
            if let Some(id) = headers.get("x-request-id") {
                response.metadata_mut().insert("x-seen-request-id", id.to_str().unwrap().parse().unwrap());
            }
            response
        });
        Box::pin(async move { answer })
    }
}

struct Streamed;

impl ServerStreamingService<ListBooksRequest> for Streamed {
    type Response = Book;
    type ResponseStream = Pin<Box<dyn tokio_stream::Stream<Item = Result<Book, Status>> + Send>>;
    type Future = Pin<Box<dyn Future<Output = Result<tonic::Response<Self::ResponseStream>, Status>> + Send>>;

    fn call(&mut self, request: tonic::Request<ListBooksRequest>) -> Self::Future {
        let request = request.into_inner();
        let mut items: Vec<_> = (0..request.size).map(|index| Ok(book(&index.to_string()))).collect();
        if request.filter == "fail" {
            items.push(Err(Status::aborted("torn")));
        }
        let stream: Self::ResponseStream = Box::pin(tokio_stream::iter(items));
        Box::pin(async move { Ok(tonic::Response::new(stream)) })
    }
}

pub fn book(id: &str) -> Book {
    Book {
        id: id.to_owned(),
        title: format!("Book {id}"),
        genre: 1,
        publish_time: Some(Timestamp { seconds: 1_772_360_130, nanos: 0 }),
        copies: 7,
        ..Book::default()
    }
}

fn get_book(request: Id, _: &HeaderMap) -> Result<Book, Status> {
    match request.id.as_str() {
        "missing" => {
            let mut details = ErrorDetails::with_error_info(
                "LIBRARY_BOOK_MISSING",
                "test.library",
                [("id".to_owned(), "missing".to_owned())],
            );
            details.add_bad_request_violation("id", "names no book");
            details.set_debug_info(vec!["at line 1".to_owned()], "secret");
            Err(Status::with_error_details(Code::NotFound, "no such böok", details))
        }
        "busy" => {
            let mut details = ErrorDetails::with_retry_info(Some(std::time::Duration::from_millis(2_500)));
            details.set_error_info("LIBRARY_BUSY", "test.library", []);
            Err(Status::with_error_details(Code::ResourceExhausted, "come back later", details))
        }
        "broken" => Err(Status::internal("password=hunter2")),
        "big" => Ok(Book { title: "x".repeat(300_000), ..book("big") }),
        id => Ok(book(id)),
    }
}

fn list_books(request: ListBooksRequest, _: &HeaderMap) -> Result<ListBooksResponse, Status> {
    let books = (0..request.size).map(|index| book(&index.to_string())).collect();
    Ok(ListBooksResponse { books, request: Some(request) })
}

fn list_titles(request: ListBooksRequest, _: &HeaderMap) -> Result<Titles, Status> {
    Ok(Titles { titles: (0..request.size).map(|index| format!("Book {index}")).collect() })
}

fn create_book(request: CreateBookRequest, _: &HeaderMap) -> Result<Book, Status> {
    let mut book = request.book.unwrap_or_default();
    book.id = format!("new-{}", request.request_id);
    Ok(book)
}

fn update_book(request: UpdateBookRequest, _: &HeaderMap) -> Result<UpdateBookRequest, Status> {
    Ok(request)
}

fn lend_book(request: Id, _: &HeaderMap) -> Result<Book, Status> {
    Ok(Book { title: request.reader, ..book(&request.id) })
}

/// A header's text.
pub fn text(headers: &HeaderMap, name: &str) -> String {
    headers.get(name).map(HeaderValue::to_str).transpose().unwrap().unwrap_or_default().to_owned()
}
