//! What a build script would generate from a `.proto` file of one call, so that no compiler of those is needed.

use std::convert::Infallible;
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use futures_util::{Stream, StreamExt};
use tokio::sync::mpsc;
use tonic::body::Body;
use tonic::codegen::{BoxFuture, http};
use tonic::server::{Grpc, NamedService, StreamingService};
use tonic::{Request, Response, Status, Streaming};
use tonic_prost::ProstCodec;

use crate::Link;
use crate::outbound::Outbound;

pub(crate) const PATH: &str = "/bench.Bench/Exchange";

/// A message, or the acknowledgement of one.
#[derive(Clone, PartialEq, prost::Message)]
pub(crate) struct Frame {
    #[prost(bytes = "bytes", tag = "1")]
    pub(crate) data: Bytes,
    #[prost(uint64, tag = "2")]
    pub(crate) acknowledged: u64,
}

impl Frame {
    pub(crate) const fn message(data: Bytes) -> Self {
        Self {
            data,
            acknowledged: 0,
        }
    }

    pub(crate) const fn acknowledgement(acknowledged: u64) -> Self {
        Self {
            data: Bytes::new(),
            acknowledged,
        }
    }
}

/// Gives each call to whoever accepts.
#[derive(Debug, Clone)]
pub(crate) struct Service {
    calls: mpsc::Sender<Link>,
    size: usize,
}

impl Service {
    pub(crate) const fn new(calls: mpsc::Sender<Link>, size: usize) -> Self {
        Self { calls, size }
    }
}

impl NamedService for Service {
    const NAME: &'static str = "bench.Bench";
}

impl tonic::codegen::Service<http::Request<Body>> for Service {
    type Response = http::Response<Body>;
    type Error = Infallible;
    type Future = BoxFuture<Self::Response, Infallible>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: http::Request<Body>) -> Self::Future {
        let service = self.clone();
        Box::pin(async move {
            let mut grpc = Grpc::new(ProstCodec::<Frame, Frame>::default());
            Ok(grpc.streaming(service, request).await)
        })
    }
}

type Frames = Pin<Box<dyn Stream<Item = Result<Frame, Status>> + Send>>;

impl StreamingService<Frame> for Service {
    type Response = Frame;
    type ResponseStream = Frames;
    type Future = BoxFuture<Response<Frames>, Status>;

    fn call(&mut self, request: Request<Streaming<Frame>>) -> Self::Future {
        let Self { calls, size } = self.clone();
        Box::pin(async move {
            let inbound = request.into_inner();
            let (outgoing, outbound) = Outbound::new(size);
            let link = Link { outgoing, inbound };
            let stopped = |_| Status::unavailable("nobody accepts");
            calls.send(link).await.map_err(stopped)?;
            Ok(Response::new(Box::pin(outbound.map(Ok)) as Frames))
        })
    }
}
