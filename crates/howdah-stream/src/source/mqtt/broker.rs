//! The broker: where it is, how it is connected to, what its refusals mean.

use std::time::Duration;

use howdah_error::{Code, Error, Kind, Result};
use howdah_system::Mqtt;
use rumqttc::v5::mqttbytes::v5::{
    ConnectProperties, ConnectReturnCode, DisconnectReasonCode, SubscribeReasonCode,
};
use rumqttc::v5::{ConnectionError, MqttOptions, StateError};
use rumqttc::{TlsConfiguration, Transport};
use url::Url;

use crate::raw::HARD_CAP_BYTES;
use crate::source::Access;

/// How long connecting may take.
const CONNECT: Duration = Duration::from_secs(5);
/// A connection is dead when the broker does not answer for so long.
const KEEP_ALIVE: Duration = Duration::from_secs(15);
/// A session that does not end by itself (MQTT 5, 3.1.2.11.2).
const FOR_EVER: u32 = u32::MAX;
/// Topic, properties and header of a message.
const AROUND_BYTES: usize = 1 << 20;

/// A broker, and the session that a source has with it.
#[derive(Debug)]
pub(super) struct Broker {
    /// The name of the source.
    pub(super) source: String,
    pub(super) topics: Vec<String>,
    inflight: u16,
    client_id: String,
    host: String,
    port: u16,
    login: Option<Login>,
    tls: Option<TlsConfiguration>,
}

struct Login {
    user: String,
    password: String,
}

impl std::fmt::Debug for Login {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Login").finish_non_exhaustive()
    }
}

impl Broker {
    /// Reads the URL, which no message repeats: it may hold a password.
    pub(super) fn new(source: &str, mqtt: &Mqtt, access: &Access) -> Result<Self> {
        let url = access.url.as_deref().ok_or_else(|| {
            Error::internal(format!("the URL of source \"{source}\" was not resolved"))
        })?;
        let bad = || {
            Error::input("the URL of the MQTT broker cannot be used")
                .code(Code::SourceFailed)
                .hint("A URL looks like mqtt://user:password@host:1883, or mqtts:// with TLS.")
        };
        let url = Url::parse(url).map_err(|_| bad())?;
        let (tls, port) = match url.scheme() {
            "mqtt" | "tcp" => (false, 1883),
            "mqtts" | "ssl" => (true, 8883),
            _ => return Err(bad()),
        };
        let host = url.host_str().filter(|host| !host.is_empty()).ok_or_else(bad)?;
        let text = |part: &str| {
            percent_encoding::percent_decode_str(part)
                .decode_utf8()
                .map(std::borrow::Cow::into_owned)
                .map_err(|_| bad())
        };
        let login = if url.username().is_empty() {
            None
        } else {
            let password = text(url.password().unwrap_or_default())?;
            Some(Login { user: text(url.username())?, password })
        };
        let tls = if tls {
            let authorities = mqtt.authorities.as_ref().map(|path| access.folder.join(path));
            let config = howdah_pg::tls_client(authorities.as_deref())?;
            Some(TlsConfiguration::Rustls(config.into()))
        } else {
            None
        };
        Ok(Self {
            source: source.to_owned(),
            topics: mqtt.topics.clone(),
            inflight: mqtt.inflight,
            client_id: mqtt.client_id.clone(),
            host: host.to_owned(),
            port: url.port().unwrap_or(port),
            login,
            tls,
        })
    }

    /// How the event loop connects: to a session that stays, with acknowledgements of our own.
    pub(super) fn options(&self) -> MqttOptions {
        let mut options = MqttOptions::new(&self.client_id, &self.host, self.port);
        options
            .set_clean_start(false)
            .set_manual_acks(true)
            .set_keep_alive(KEEP_ALIVE)
            .set_connection_timeout(CONNECT.as_secs())
            .set_connect_properties(ConnectProperties {
                session_expiry_interval: Some(FOR_EVER),
                receive_maximum: Some(self.inflight),
                // What is larger than an event may be is refused here, with its beginning; only
                // what nobody could hold is left to the broker, which throws it away.
                max_packet_size: Some((HARD_CAP_BYTES + AROUND_BYTES) as u32),
                ..ConnectProperties::new()
            });
        if let Some(Login { user, password }) = &self.login {
            options.set_credentials(user, password);
        }
        if let Some(tls) = &self.tls {
            options.set_transport(Transport::Tls(tls.clone()));
        }
        options
    }

    /// Whether somebody listens there.
    pub(super) async fn reach(&self) -> Result<()> {
        let host = self.host.trim_start_matches('[').trim_end_matches(']');
        let connect = tokio::net::TcpStream::connect((host, self.port));
        let error = match tokio::time::timeout(CONNECT, connect).await {
            Ok(Ok(_)) => return Ok(()),
            Ok(Err(error)) => Some(error),
            Err(_) => None,
        };
        let away = failed(Kind::Unavailable, &self.source, "the broker could not be reached")
            .hint("Check host and port in the URL that `url` refers to, and that the broker runs.");
        Err(match error {
            Some(error) => away.source(error),
            None => away,
        })
    }
}

/// What to do after a connection failed.
#[derive(Debug)]
pub(super) enum Fault {
    /// The broker is away or not ready: try again.
    Passing,
    /// Another client has taken the session.
    Taken,
    /// Trying again will not help.
    Lasting(Error),
}

/// What a failed connection means.
pub(super) fn fault(source: &str, error: &ConnectionError) -> Fault {
    use ConnectReturnCode as Code;
    let refused = |why: &str, hint: &str| Fault::Lasting(refusal(source, why, hint));
    match error {
        ConnectionError::ConnectionRefused(code) => match code {
            Code::BadUserNamePassword | Code::NotAuthorized | Code::Banned => refused(
                "the broker asks for user and password, or refused the ones given",
                "Put user and password into the URL that `url` refers to.",
            ),
            Code::RefusedProtocolVersion | Code::UnsupportedProtocolVersion => refused(
                "the broker does not speak MQTT 5",
                "Mosquitto does since 1.6, EMQX, HiveMQ and VerneMQ do.",
            ),
            Code::BadClientId | Code::ClientIdentifierNotValid => {
                refused("the broker refused the client id", "Choose another `client_id`.")
            }
            Code::BadAuthenticationMethod => refused(
                "the broker asks for another way to log in",
                "howdah logs in with user and password, or without.",
            ),
            _ => Fault::Passing,
        },
        ConnectionError::MqttState(StateError::ServerDisconnect { reason_code, .. }) => {
            match reason_code {
                DisconnectReasonCode::SessionTakenOver => Fault::Taken,
                DisconnectReasonCode::NotAuthorized => refused(
                    "the broker ended the connection as not authorised",
                    "Grant the user the right to read the source's topics.",
                ),
                _ => Fault::Passing,
            }
        }
        ConnectionError::Tls(rumqttc::TlsError::TLS(_)) => tls(source, error),
        ConnectionError::Tls(rumqttc::TlsError::Io(io)) if is_tls(io) => tls(source, error),
        _ => Fault::Passing,
    }
}

/// rustls hands its errors on as those of the stream, with this kind.
fn is_tls(error: &std::io::Error) -> bool {
    error.kind() == std::io::ErrorKind::InvalidData
}

fn tls(source: &str, error: &ConnectionError) -> Fault {
    let told = failed(Kind::Refused, source, "the TLS connection was not accepted")
        .code(Code::TlsFailed)
        .detail(error.to_string())
        .hint("Name the broker's authority with `ca`, and the host as its certificate does.");
    Fault::Lasting(told)
}

/// The refusal of a subscription, if it is one.
pub(super) fn refused_subscription(
    source: &str,
    topic: &str,
    answer: SubscribeReasonCode,
) -> Option<Error> {
    let why = match answer {
        SubscribeReasonCode::Success(rumqttc::v5::mqttbytes::QoS::AtMostOnce) => {
            "gives its messages with qos 0 only, which loses some"
        }
        SubscribeReasonCode::Success(_) => return None,
        SubscribeReasonCode::NotAuthorized => "does not let the user read it",
        SubscribeReasonCode::TopicFilterInvalid
        | SubscribeReasonCode::WildcardSubscriptionsNotSupported => "does not take such a filter",
        _ => "gave no reason",
    };
    let why = format!("the broker refused topic \"{topic}\": it {why}");
    Some(refusal(source, &why, "Grant the user the right to subscribe to it, or change `topics`."))
}

fn refusal(source: &str, why: &str, hint: &str) -> Error {
    failed(Kind::Refused, source, why).code(Code::BrokerRefused).hint(hint)
}

/// The error for what a broker gives that it should not.
pub(super) fn failed(kind: Kind, source: &str, why: &str) -> Error {
    Error::new(kind, format!("could not read source \"{source}\" over MQTT"))
        .code(Code::SourceFailed)
        .detail(format!("{}{}.", why[..1].to_uppercase(), &why[1..]))
}
