//! The stream to a server: TLS where it is asked for, and errors that carry
//! their SQLSTATE.
//!
//! tokio-postgres lets a TLS connector alone put a layer around the stream. It
//! is therefore told that TLS is required and begins without its own
//! negotiation (`sslnegotiation=direct`); the negotiation that the URL asks for
//! happens here.

use std::error::Error;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use futures::future::BoxFuture;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, ReadBuf};
use tokio_postgres::Config;
use tokio_postgres::config::{SslMode, SslNegotiation};
use tokio_postgres::tls::{ChannelBinding, MakeTlsConnect, TlsConnect, TlsStream};
use tokio_postgres_rustls::MakeRustlsConnect;
use tokio_util::either::Either;

use super::sqlstate::Messages;

/// Makes the streams to a server.
#[derive(Clone)]
pub(in crate::store::postgres) struct Connector {
    tls: MakeRustlsConnect,
    mode: SslMode,
    /// TLS begins at once, without a request for it.
    direct: bool,
    host: String,
}

impl Connector {
    /// Takes over the negotiation of TLS that `config` asks for.
    pub(in crate::store::postgres) fn take_over(
        config: &mut Config,
        tls: MakeRustlsConnect,
    ) -> Connector {
        let connector = Connector {
            tls,
            mode: config.get_ssl_mode(),
            direct: config.get_ssl_negotiation() == SslNegotiation::Direct,
            host: String::new(),
        };
        config
            .ssl_mode(SslMode::Require)
            .ssl_negotiation(SslNegotiation::Direct);
        connector
    }

    /// The same with another layer of TLS.
    pub(in crate::store::postgres) fn with_tls(&self, tls: MakeRustlsConnect) -> Connector {
        Connector {
            tls,
            ..self.clone()
        }
    }

    /// For a Unix socket, which knows no TLS.
    pub(in crate::store::postgres) fn plain(&self) -> Connector {
        Connector {
            mode: SslMode::Disable,
            ..self.clone()
        }
    }
}

type TlsOver<S> = <MakeRustlsConnect as MakeTlsConnect<S>>::Stream;
type BoxError = Box<dyn Error + Send + Sync>;

impl<S> MakeTlsConnect<S> for Connector
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    type Stream = Coded<S>;
    type TlsConnect = Connector;
    type Error = BoxError;

    fn make_tls_connect(&mut self, host: &str) -> Result<Connector, BoxError> {
        let host = host.to_owned();
        Ok(Connector {
            host,
            ..self.clone()
        })
    }
}

impl<S> TlsConnect<S> for Connector
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    type Stream = Coded<S>;
    type Error = BoxError;
    type Future = BoxFuture<'static, Result<Coded<S>, BoxError>>;

    fn connect(mut self, mut stream: S) -> Self::Future {
        Box::pin(async move {
            let has_tls = match self.mode {
                SslMode::Disable => false,
                _ => self.direct || offers_tls(&mut stream).await?,
            };
            let inner = if has_tls {
                let tls = MakeTlsConnect::<S>::make_tls_connect(&mut self.tls, &self.host)?;
                Either::Right(tls.connect(stream).await?)
            } else if self.mode == SslMode::Require {
                return Err("the server does not offer TLS, and sslmode asks for it".into());
            } else {
                Either::Left(stream)
            };
            Ok(Coded {
                inner,
                messages: Messages::new(),
                replaced: Vec::new(),
                read: 0,
            })
        })
    }
}

/// Sends an `SSLRequest`; its answer is one byte.
async fn offers_tls<S: AsyncRead + AsyncWrite + Unpin>(stream: &mut S) -> io::Result<bool> {
    const SSL_REQUEST: [u8; 8] = [0, 0, 0, 8, 0x04, 0xd2, 0x16, 0x2f];
    stream.write_all(&SSL_REQUEST).await?;
    stream.flush().await?;
    Ok(stream.read_u8().await? == b'S')
}

/// A stream whose error messages carry their SQLSTATE.
pub(in crate::store::postgres) struct Coded<S>
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    inner: Either<S, TlsOver<S>>,
    messages: Messages,
    /// What stands in for bytes that were read, and how much of it is read.
    replaced: Vec<u8>,
    read: usize,
}

impl<S> TlsStream for Coded<S>
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    fn channel_binding(&self) -> ChannelBinding {
        match &self.inner {
            Either::Left(_) => ChannelBinding::none(),
            Either::Right(tls) => tls.channel_binding(),
        }
    }
}

impl<S> AsyncRead for Coded<S>
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let this = &mut *self;
        loop {
            let left = &this.replaced[this.read..];
            if !left.is_empty() {
                let part = &left[..left.len().min(buffer.remaining())];
                buffer.put_slice(part);
                this.read += part.len();
                return Poll::Ready(Ok(()));
            }
            let before = buffer.filled().len();
            ready!(Pin::new(&mut this.inner).poll_read(context, buffer))?;
            let bytes = &buffer.filled()[before..];
            let replaced = match bytes.is_empty() {
                true => this.messages.end(),
                false => this.messages.pass(bytes),
            };
            let Some(replaced) = replaced else {
                return Poll::Ready(Ok(()));
            };
            buffer.set_filled(before);
            (this.replaced, this.read) = (replaced, 0);
        }
    }
}

impl<S> AsyncWrite for Coded<S>
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.inner).poll_write(context, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_shutdown(context)
    }
}
