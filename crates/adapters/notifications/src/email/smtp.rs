//! Handing a mail to the SMTP server, and what its replies mean.

use std::{error::Error as StdError, sync::Arc, time::Duration};

use lettre::{
    AsyncSmtpTransport, AsyncTransport, Message as Mail, Tokio1Executor,
    transport::smtp::{
        Error,
        authentication::Credentials,
        client::{Certificate, Tls, TlsParameters},
    },
};
use procession_application::{
    notifications::{SecretText, SmtpSecurity, SmtpSettings},
    ports::{DeliveryFailure, Message},
};
use procession_domain::value::ErrorCode;

use crate::{failure::failure, timeout_of};

/// Delivers the mail; the code of the server's last reply.
pub(super) async fn deliver(
    smtp: &SmtpSettings,
    authority: Option<&[u8]>,
    mail: &Mail,
    message: &Message,
) -> Result<u16, DeliveryFailure> {
    let timeout = timeout_of(message);
    let exchange = async {
        let transport = transport(smtp, authority, timeout).await?;
        transport.send(mail.clone()).await.map_err(|error| refusal(smtp, &error, timeout))
    };
    match tokio::time::timeout(timeout, exchange).await {
        Ok(reply) => Ok(reply?.code().into()),
        Err(_) => Err(too_slow(smtp, timeout)),
    }
}

async fn transport(
    smtp: &SmtpSettings,
    authority: Option<&[u8]>,
    timeout: Duration,
) -> Result<AsyncSmtpTransport<Tokio1Executor>, DeliveryFailure> {
    let mut builder = AsyncSmtpTransport::<Tokio1Executor>::builder_dangerous(smtp.host.as_str())
        .port(smtp.port())
        .timeout(Some(timeout))
        .tls(protection(smtp, authority).await?);
    if let (Some(user), Some(password)) = (&smtp.username, &smtp.password) {
        builder = builder.credentials(Credentials::new(user.clone(), password.reveal().to_owned()));
    }
    Ok(builder.build())
}

async fn protection(smtp: &SmtpSettings, authority: Option<&[u8]>) -> Result<Tls, DeliveryFailure> {
    Ok(match smtp.security {
        SmtpSecurity::None => Tls::None,
        SmtpSecurity::StartTls => Tls::Required(parameters(smtp, authority).await?),
        SmtpSecurity::Tls => Tls::Wrapper(parameters(smtp, authority).await?),
    })
}

async fn parameters(smtp: &SmtpSettings, authority: Option<&[u8]>) -> Result<TlsParameters, DeliveryFailure> {
    let (host, authority): (_, Option<Arc<[u8]>>) = (smtp.host.clone(), authority.map(Into::into));
    // It reads this machine's certificates from files.
    let built = tokio::task::spawn_blocking(move || {
        let mut builder = TlsParameters::builder(host);
        if let Some(pem) = authority {
            builder = builder.add_root_certificate(Certificate::from_pem(&pem)?);
        }
        builder.build()
    });
    let why = match built.await {
        Ok(Ok(parameters)) => return Ok(parameters),
        Ok(Err(error)) => error.to_string(),
        Err(error) => error.to_string(),
    };
    Err(failure(ErrorCode::EmailError, format!("TLS can't be set up for the mail server: {why}")))
}

/// What a failed exchange means: 4xx may go better later, 5xx will not (RFC 5321).
fn refusal(smtp: &SmtpSettings, error: &Error, timeout: Duration) -> DeliveryFailure {
    if error.is_timeout() {
        return too_slow(smtp, timeout);
    }
    let status = error.status().map(u16::from);
    let reason = without_password(smtp, &causes(error));
    let server = format!("the mail server {}:{}", smtp.host, smtp.port());
    match status {
        Some(530 | 534 | 535 | 538) => failure(
            ErrorCode::Unauthorized,
            format!("{server} rejected the login ({reason}): check `smtp.username` and `smtp.password`"),
        ),
        Some(_) if error.is_permanent() => failure(
            ErrorCode::InvalidConfig,
            format!("{server} rejected the email permanently ({reason}): check the recipients and `smtp.from`"),
        ),
        Some(_) => failure(ErrorCode::EmailError, format!("{server} can't accept the email now: {reason}")),
        None if error.is_client() => {
            failure(ErrorCode::InvalidConfig, format!("{server} can't be used with these settings: {reason}"))
        }
        None if error.is_tls() => failure(
            ErrorCode::EmailError,
            format!(
                "{server} can't be trusted or does not speak TLS ({reason}): check `smtp.security` and its certificate"
            ),
        ),
        None => failure(ErrorCode::EmailError, format!("{server} can't be reached: {reason}")),
    }
}

fn too_slow(smtp: &SmtpSettings, timeout: Duration) -> DeliveryFailure {
    let message =
        format!("the mail server {}:{} did not answer within {} s", smtp.host, smtp.port(), timeout.as_secs_f64());
    failure(ErrorCode::Timeout, message)
}

/// An error with its causes.
fn causes(error: &Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(inner) = cause {
        let inner_text = inner.to_string();
        if !text.contains(&inner_text) {
            text = format!("{text}: {inner_text}");
        }
        cause = inner.source();
    }
    text
}

/// The text without the password, should the server repeat it.
fn without_password(smtp: &SmtpSettings, text: &str) -> String {
    match smtp.password.as_ref().map(SecretText::reveal).filter(|password| !password.is_empty()) {
        Some(password) => text.replace(password, "[password]"),
        None => text.to_owned(),
    }
}
