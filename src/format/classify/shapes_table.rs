//! The forms of providers' tokens, starting with those common in a home lab. If two forms match,
//! the first one counts.
//!
//! A form is literal text with runs: `<A36>` means 36 letters and digits, `<w20-300>` means 20 to
//! 300 characters of the class `w`. [`super::shapes`] lists the classes.

use super::shapes::Check::{Crc32, Form, Mixed, Public};
use super::shapes::Shape;
use super::{Rule, SecretKind, Severity};

macro_rules! shapes {
    ($($id:literal, $what:literal, $form:literal, $kind:ident, $check:ident;)*) => {
        /// All forms.
        pub(super) static SHAPES: &[Shape] = &[$(Shape {
            rule: Rule {
                id: $id,
                reason: concat!("it has the form of ", $what),
                kind: SecretKind::$kind,
                severity: match $check { Public => Severity::None, Form | Crc32 | Mixed => Severity::High },
            },
            form: $form,
            check: $check,
        }),*];
    };
}

shapes! {
    "telegram-bot-token", "a Telegram bot's token", "<d8-10>:A<w32-38>", Token, Form;
    "tailscale-key", "a Tailscale key", "tskey-<w12-120>", Token, Form;
    "headscale-key", "a Headscale key", "hskey-<w12-160>", Token, Form;
    "netbird-token", "a NetBird token", "nbp_<A30-44>", Token, Form;
    "plex-claim", "a Plex claim", "claim-<w18-24>", Token, Form;
    "pushbullet-token", "a Pushbullet access token", "o.<A32>", Token, Form;
    "portainer-token", "a Portainer token", "ptr_<b30-60>", Token, Form;
    "proxmox-token", "a Proxmox API token", "PVEAPIToken=<.20-200>", Token, Form;
    "vault-token", "a token of Vault or OpenBao", "hvs.<w20-300>", Token, Form;
    "vault-token", "a token of Vault or OpenBao", "hvb.<w20-300>", Token, Form;
    "vault-token", "a token of Vault or OpenBao", "hvr.<w20-300>", Token, Form;
    "vault-token", "a token of Vault or OpenBao", "s.<A24>", Token, Mixed;
    "vault-token", "a token of Vault or OpenBao", "b.<w90-300>", Token, Form;
    "age-secret-key", "a secret key of age", "AGE-SECRET-KEY-<u50-80>", Key, Form;
    "age-secret-key", "a secret key of age", "AGE-PLUGIN-<u4-20>-<u20-200>", Key, Form;
    "grafana-token", "a Grafana token", "glsa_<A32>_<x8>", Token, Form;
    "grafana-token", "a Grafana Cloud token", "glc_<b30-400>", Token, Form;
    "jwt", "a JSON Web Token, such as a Home Assistant or Immich token", "eyJ<w8-4000>.eyJ<w8-4000>.<w10-4000>", Token, Form;
    "jwt", "a JSON Web Token without a signature", "eyJ<w8-4000>.eyJ<w8-4000>.", Token, Form;
    "json-token", "a token in base64, such as a Cloudflare tunnel's", "eyJ<b60-4000>", Token, Form;
    "cloudflare-origin-key", "a Cloudflare origin CA key", "v1.0-<x24>-<x100-160>", Token, Form;
    "discord-bot-token", "a Discord bot's token", "<w23-28>.<w6-7>.<w27-45>", Token, Mixed;
    "slack-token", "a Slack token", "xox<l1>-<w10-300>", Token, Form;
    "slack-token", "a Slack token", "xoxe.xox<l1>-<w10-300>", Token, Form;
    "slack-token", "a Slack app token", "xapp-<w20-300>", Token, Form;
    "github-token", "a GitHub token", "ghp_<A36>", Token, Crc32;
    "github-token", "a GitHub token", "gho_<A36>", Token, Crc32;
    "github-token", "a GitHub token", "ghu_<A36>", Token, Crc32;
    "github-token", "a GitHub token", "ghs_<A36>", Token, Crc32;
    "github-token", "a GitHub token", "ghr_<A36>", Token, Crc32;
    "github-token", "a fine-grained GitHub token", "github_pat_<A22>_<A59>", Token, Form;
    "gitlab-token", "a GitLab token", "glpat-<w20-300>", Token, Form;
    "gitlab-token", "a GitLab token", "gldt-<w20-300>", Token, Form;
    "gitlab-token", "a GitLab token", "glrt-<w20-300>", Token, Form;
    "gitlab-token", "a GitLab token", "glptt-<w20-300>", Token, Form;
    "gitlab-token", "a GitLab token", "glcbt-<w20-300>", Token, Form;
    "gitlab-token", "a GitLab token", "glsoat-<w20-300>", Token, Form;
    "gitlab-token", "a GitLab token", "glft-<w20-300>", Token, Form;
    "gitlab-token", "a GitLab token", "glimt-<w20-300>", Token, Form;
    "gitlab-token", "a GitLab token", "glagent-<w20-300>", Token, Form;
    "gitlab-token", "a GitLab token", "gloas-<w20-300>", Token, Form;
    "gitlab-token", "a GitLab token", "glffct-<w20-300>", Token, Form;
    "npm-token", "an npm token", "npm_<A36>", Token, Crc32;
    "pypi-token", "a PyPI token", "pypi-<w50-400>", Token, Form;
    "docker-token", "a Docker Hub token", "dckr_pat_<w20-60>", Token, Form;
    "docker-token", "a Docker Hub token", "dckr_oat_<w20-60>", Token, Form;
    "rubygems-token", "a RubyGems key", "rubygems_<x48>", Token, Form;
    "bitbucket-token", "a Bitbucket token", "ATBB<A28-40>", Token, Form;
    "atlassian-token", "an Atlassian token", "ATATT3x<b50-300>", Token, Form;
    "sentry-token", "a Sentry token", "sntrys_<b30-400>", Token, Form;
    "sentry-token", "a Sentry token", "sntryu_<x64>", Token, Form;
    "sonarqube-token", "a SonarQube token", "sqp_<x40>", Token, Form;
    "sonarqube-token", "a SonarQube token", "squ_<x40>", Token, Form;
    "stripe-key", "a secret key of Stripe", "sk_live_<A16-200>", Token, Form;
    "stripe-key", "a secret key of Stripe, for tests", "sk_test_<A16-200>", Token, Form;
    "stripe-key", "a restricted key of Stripe", "rk_live_<A16-200>", Token, Form;
    "stripe-key", "a restricted key of Stripe, for tests", "rk_test_<A16-200>", Token, Form;
    "webhook-secret", "the secret of a webhook", "whsec_<b20-200>", Token, Form;
    "aws-key", "an AWS access key", "AKIA<u16>", Token, Form;
    "aws-key", "an AWS access key", "ASIA<u16>", Token, Form;
    "aws-key", "an AWS access key", "ABIA<u16>", Token, Form;
    "aws-key", "an AWS access key", "ACCA<u16>", Token, Form;
    "google-key", "a Google API key", "AIza<w35>", Token, Form;
    "google-secret", "a Google client secret", "GOCSPX-<w20-40>", Token, Form;
    "google-token", "a Google access token", "ya29.<w20-400>", Token, Form;
    "google-token", "a Google refresh token", "1//0<w30-200>", Token, Form;
    "azure-secret", "an Azure client secret", "<A3>8Q~<.31-34>", Token, Form;
    "digitalocean-token", "a DigitalOcean token", "dop_v1_<x64>", Token, Form;
    "digitalocean-token", "a DigitalOcean token", "doo_v1_<x64>", Token, Form;
    "backblaze-key", "a Backblaze key", "K00<d1><b27>", Token, Form;
    "terraform-token", "a Terraform token", "<A14>.atlasv1.<w60-80>", Token, Form;
    "fly-token", "a Fly.io token", "fo1_<w40-60>", Token, Form;
    "fly-token", "a Fly.io token", "fm2_<b40-2000>", Token, Form;
    "netlify-token", "a Netlify token", "nfp_<A30-60>", Token, Form;
    "planetscale-token", "a PlanetScale secret", "pscale_<l2-5>_<w30-80>", Token, Form;
    "doppler-token", "a Doppler token", "dp.<l2-5>.<A30-60>", Token, Form;
    "infisical-token", "an Infisical token", "st.<x20-30>.<x20-80>", Token, Form;
    "onepassword-token", "a 1Password service account", "ops_eyJ<b100-2000>", Token, Form;
    "pulumi-token", "a Pulumi token", "pul-<x40>", Token, Form;
    "postman-key", "a Postman key", "PMAK-<w30-80>", Token, Form;
    "newrelic-key", "a New Relic key", "NRAK-<u20-40>", Token, Form;
    "dynatrace-token", "a Dynatrace token", "dt0c01.<u20-30>.<u50-80>", Token, Form;
    "databricks-token", "a Databricks token", "dapi<x32>", Token, Form;
    "shopify-token", "a Shopify token", "shpat_<x32>", Token, Form;
    "shopify-token", "a Shopify secret", "shpss_<x32>", Token, Form;
    "square-token", "a Square token", "sq0csp-<w40-50>", Token, Form;
    "square-token", "a Square token", "sq0atp-<w20-30>", Token, Form;
    "linear-key", "a Linear key", "lin_api_<A32-48>", Token, Form;
    "notion-token", "a Notion token", "ntn_<A40-60>", Token, Form;
    "notion-token", "a Notion token", "secret_<A43>", Token, Form;
    "figma-token", "a Figma token", "figd_<w30-60>", Token, Form;
    "heroku-key", "a Heroku key", "HRKU-<w30-80>", Token, Form;
    "typeform-token", "a Typeform token", "tfp_<w40-80>", Token, Form;
    "airtable-token", "an Airtable token", "pat<A14>.<x64>", Token, Form;
    "porkbun-key", "a Porkbun secret", "sk1_<x64>", Token, Form;
    "porkbun-key", "a Porkbun key", "pk1_<x64>", Token, Form;
    "dropbox-token", "a Dropbox token", "sl.<w100-1500>", Token, Form;
    "facebook-token", "a Meta token", "EAA<A60-400>", Token, Mixed;
    "anthropic-key", "an Anthropic key", "sk-ant-<w20-200>", Token, Form;
    "openrouter-key", "an OpenRouter key", "sk-or-<w20-200>", Token, Form;
    "openai-key", "an OpenAI key", "sk-proj-<w20-300>", Token, Form;
    "openai-key", "an OpenAI key", "sk-svcacct-<w20-300>", Token, Form;
    "openai-key", "an OpenAI key", "sk-admin-<w20-300>", Token, Form;
    "langfuse-key", "a Langfuse secret", "sk-lf-<w30-60>", Token, Form;
    "openai-key", "a key in the form of OpenAI's", "sk-<A20-200>", Token, Form;
    "groq-key", "a Groq key", "gsk_<A40-60>", Token, Form;
    "huggingface-token", "a Hugging Face token", "hf_<A30-50>", Token, Form;
    "replicate-token", "a Replicate token", "r8_<A30-50>", Token, Form;
    "xai-key", "an xAI key", "xai-<A60-100>", Token, Form;
    "perplexity-key", "a Perplexity key", "pplx-<A40-70>", Token, Form;
    "tavily-key", "a Tavily key", "tvly-<w20-60>", Token, Form;
    "elevenlabs-key", "an ElevenLabs key", "sk_<x48>", Token, Form;
    "sendgrid-key", "a SendGrid key", "SG.<w16-32>.<w16-64>", Token, Form;
    "mailgun-key", "a Mailgun key", "key-<x32>", Token, Form;
    "brevo-key", "a Brevo key", "xkeysib-<x64>-<A16>", Token, Form;
    "brevo-key", "a Brevo SMTP key", "xsmtpsib-<x64>-<A16>", Token, Form;
    "mailchimp-key", "a Mailchimp key", "<x32>-us<d1-2>", Token, Form;
    "resend-key", "a Resend key", "re_<w24-50>", Token, Form;
    "twilio-key", "a Twilio key", "SK<x32>", Token, Form;
    "fernet-token", "a Fernet token", "gAAAAA<b60-4000>", Token, Form;
    "password-hash", "the hash of a password (bcrypt)", "$2a$<d2>$<c50-53>", PasswordHash, Form;
    "password-hash", "the hash of a password (bcrypt)", "$2b$<d2>$<c50-53>", PasswordHash, Form;
    "password-hash", "the hash of a password (bcrypt)", "$2x$<d2>$<c50-53>", PasswordHash, Form;
    "password-hash", "the hash of a password (bcrypt)", "$2y$<d2>$<c50-53>", PasswordHash, Form;
    "password-hash", "the hash of a password (apr1)", "$apr1$<c1-8>$<c21-22>", PasswordHash, Form;
    "password-hash", "the hash of a password (MD5)", "$1$<c1-8>$<c21-22>", PasswordHash, Form;
    "password-hash", "the hash of a password (SHA)", "$5$<.40-140>", PasswordHash, Form;
    "password-hash", "the hash of a password (SHA)", "$6$<.40-140>", PasswordHash, Form;
    "password-hash", "the hash of a password (yescrypt)", "$y$<.30-140>", PasswordHash, Form;
    "password-hash", "the hash of a password (Mosquitto)", "$7$<.40-200>", PasswordHash, Form;
    "password-hash", "the hash of a password (argon2id)", "$argon2id$<.20-300>", PasswordHash, Form;
    "password-hash", "the hash of a password (argon2i)", "$argon2i$<.20-300>", PasswordHash, Form;
    "password-hash", "the hash of a password (argon2d)", "$argon2d$<.20-300>", PasswordHash, Form;
    "password-hash", "the hash of a password (scrypt)", "$scrypt$<.20-300>", PasswordHash, Form;
    "password-hash", "the hash of a password (pbkdf2-sha512)", "$pbkdf2-sha512$<.20-300>", PasswordHash, Form;
    "password-hash", "the hash of a password (pbkdf2-sha256)", "$pbkdf2-sha256$<.20-300>", PasswordHash, Form;
    "password-hash", "the hash of a password (pbkdf2)", "$pbkdf2$<.20-300>", PasswordHash, Form;
    "password-hash", "the hash of a password (bcrypt)", "$$2a$$<d2>$$<c50-53>", PasswordHash, Form;
    "password-hash", "the hash of a password (bcrypt)", "$$2b$$<d2>$$<c50-53>", PasswordHash, Form;
    "password-hash", "the hash of a password (bcrypt)", "$$2x$$<d2>$$<c50-53>", PasswordHash, Form;
    "password-hash", "the hash of a password (bcrypt)", "$$2y$$<d2>$$<c50-53>", PasswordHash, Form;
    "password-hash", "the hash of a password (apr1)", "$$apr1$$<c1-8>$$<c21-22>", PasswordHash, Form;
    "password-hash", "the hash of a password (MD5)", "$$1$$<c1-8>$$<c21-22>", PasswordHash, Form;
    "password-hash", "the hash of a password (SHA)", "$$5$$<.40-140>", PasswordHash, Form;
    "password-hash", "the hash of a password (SHA)", "$$6$$<.40-140>", PasswordHash, Form;
    "password-hash", "the hash of a password (yescrypt)", "$$y$$<.30-140>", PasswordHash, Form;
    "password-hash", "the hash of a password (Mosquitto)", "$$7$$<.40-200>", PasswordHash, Form;
    "password-hash", "the hash of a password (argon2id)", "$$argon2id$$<.20-300>", PasswordHash, Form;
    "password-hash", "the hash of a password (argon2i)", "$$argon2i$$<.20-300>", PasswordHash, Form;
    "password-hash", "the hash of a password (argon2d)", "$$argon2d$$<.20-300>", PasswordHash, Form;
    "password-hash", "the hash of a password (scrypt)", "$$scrypt$$<.20-300>", PasswordHash, Form;
    "password-hash", "the hash of a password (pbkdf2-sha512)", "$$pbkdf2-sha512$$<.20-300>", PasswordHash, Form;
    "password-hash", "the hash of a password (pbkdf2-sha256)", "$$pbkdf2-sha256$$<.20-300>", PasswordHash, Form;
    "password-hash", "the hash of a password (pbkdf2)", "$$pbkdf2$$<.20-300>", PasswordHash, Form;
    "password-hash", "the hash of a password (LDAP)", "{SSHA}<.6-200>", PasswordHash, Form;
    "password-hash", "the hash of a password (LDAP)", "{SHA}<.6-200>", PasswordHash, Form;
    "password-hash", "the hash of a password (LDAP)", "{CRYPT}<.6-200>", PasswordHash, Form;
    "password-hash", "the hash of a password (LDAP)", "{SSHA512}<.6-200>", PasswordHash, Form;
    "password-hash", "the hash of a password (LDAP)", "{SHA512-CRYPT}<.6-200>", PasswordHash, Form;
    "password-hash", "the hash of a password (LDAP)", "{BLF-CRYPT}<.6-200>", PasswordHash, Form;
    "password-hash", "the hash of a password (LDAP)", "{PLAIN}<.6-200>", PasswordHash, Form;
    "password-hash", "the hash of a password (Django)", "pbkdf2_sha256$<.30-300>", PasswordHash, Form;
    "password-hash", "the hash of a password (Django)", "pbkdf2_sha1$<.30-300>", PasswordHash, Form;
    "password-hash", "the hash of a password (Django)", "argon2$<.30-300>", PasswordHash, Form;
    "password-hash", "the hash of a password (Django)", "bcrypt_sha256$<.30-300>", PasswordHash, Form;
    "nextcloud-app-password", "a Nextcloud app password", "<A5>-<A5>-<A5>-<A5>-<A5>", Password, Mixed;
    "public-form", "a publishable key of Stripe", "pk_live_<A16-200>", Public, Public;
    "public-form", "a publishable key of Stripe", "pk_test_<A16-200>", Public, Public;
    "public-form", "a public token of Mapbox", "pk.eyJ<.20-400>", Public, Public;
    "public-form", "a public key of Langfuse", "pk-lf-<w20-60>", Public, Public;
    "public-form", "a public key of age", "age1<l50-80>", Public, Public;
    "public-form", "an account of Twilio", "AC<x32>", Public, Public;
    "public-form", "a client id of Google", "<d6-20>-<l20-40>.apps.googleusercontent.com", Public, Public;
}
