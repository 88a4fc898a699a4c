//! Servers on 127.0.0.1 that speak TLS, or do not, with certificates that are made for the test.

use std::{
    net::Ipv4Addr,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
};

use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair, date_time_ymd};
use rustls::{
    ServerConfig,
    crypto::ring,
    pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer},
};
use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt},
    net::{TcpListener, TcpStream},
};
use tokio_rustls::TlsAcceptor;

/// Who signs certificates.
pub struct Authority {
    issuer: Issuer<'static, KeyPair>,
    pem: String,
}

impl Authority {
    /// Another one each time.
    #[allow(clippy::new_without_default)]
    pub fn new() -> Self {
        let mut params = CertificateParams::new([]).expect("no names");
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        // By default all have one name, and would seem to have signed themselves.
        params.distinguished_name.push(DnType::CommonName, "an authority");
        let key = KeyPair::generate().expect("a key");
        let pem = params.self_signed(&key).expect("a certificate").pem();
        Self { issuer: Issuer::new(params, key), pem }
    }

    /// Its own certificate.
    pub fn pem(&self) -> &str {
        &self.pem
    }

    /// A certificate for that name or address, and its key, for a server that is another program.
    pub fn certificate(&self, name: &str) -> [String; 2] {
        let params = CertificateParams::new([name.to_owned()]).expect("a name");
        let key = KeyPair::generate().expect("a key");
        [params.signed_by(&key, &self.issuer).expect("a certificate").pem(), key.serialize_pem()]
    }

    /// A server with a certificate for that name or address, which ended long ago or goes on for long.
    pub fn certifies(&self, name: &str, expired: bool) -> Speaks {
        let mut params = CertificateParams::new([name.to_owned()]).expect("a name");
        if expired {
            (params.not_before, params.not_after) = (date_time_ymd(2020, 1, 1), date_time_ymd(2021, 1, 1));
        }
        let key = KeyPair::generate().expect("a key");
        let certificate = params.signed_by(&key, &self.issuer).expect("a certificate");
        let key = PrivateKeyDer::from(PrivatePkcs8KeyDer::from(key.serialize_der()));
        let config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_safe_default_protocol_versions()
            .expect("ring has the versions of TLS")
            .with_no_client_auth()
            .with_single_cert(vec![certificate.der().clone()], key)
            .expect("the key is that of the certificate");
        Speaks::Tls(TlsAcceptor::from(Arc::new(config)))
    }
}

/// What a server does on a connection.
#[derive(Clone)]
pub enum Speaks {
    /// TLS, and HTTP within.
    Tls(TlsAcceptor),
    /// HTTP without TLS.
    Plain,
    /// Nothing: it hangs up once the client has said something.
    Nothing,
    /// TLS, but it has no certificate for the name that the client asks for.
    Alert,
}

/// A server that answers every request with 204, as long as the runtime lives.
pub struct Server {
    port: u16,
    connections: Arc<AtomicUsize>,
}

impl Server {
    /// Starts it.
    pub async fn start(speaks: Speaks) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.expect("cannot listen");
        let port = listener.local_addr().expect("the listener has no address").port();
        let connections = Arc::new(AtomicUsize::new(0));
        let count = connections.clone();
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                count.fetch_add(1, Ordering::Relaxed);
                // A client that goes away is no fault of the server.
                tokio::spawn(connection(stream, speaks.clone()));
            }
        });
        Self { port, connections }
    }

    /// Its base URL, with that scheme.
    pub fn url(&self, scheme: &str) -> String {
        format!("{scheme}://127.0.0.1:{}", self.port)
    }

    /// How many connections there were.
    pub fn connections(&self) -> usize {
        self.connections.load(Ordering::Relaxed)
    }
}

async fn connection(mut stream: TcpStream, speaks: Speaks) -> std::io::Result<()> {
    match speaks {
        Speaks::Tls(acceptor) => answer(acceptor.accept(stream).await?).await,
        Speaks::Plain => answer(stream).await,
        Speaks::Nothing => stream.read_u8().await.map(drop),
        Speaks::Alert => {
            let mut hello = [0; 4096];
            stream.read(&mut hello).await?;
            // A record of TLS 1.2: fatal, unrecognized_name.
            stream.write_all(&[21, 3, 3, 0, 2, 2, 112]).await
        }
    }
}

async fn answer(mut stream: impl AsyncRead + AsyncWrite + Unpin) -> std::io::Result<()> {
    let mut request = Vec::new();
    while stream.read_buf(&mut request).await? > 0 {
        if request.ends_with(b"}") {
            request.clear();
            stream.write_all(b"HTTP/1.1 204 No Content\r\n\r\n").await?;
            stream.flush().await?;
        } else if !request.starts_with(b"POST ") {
            stream.write_all(b"HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\n").await?;
            return Ok(());
        }
    }
    Ok(())
}
