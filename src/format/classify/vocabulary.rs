//! The words that the classifier knows, in lower case.

use std::collections::HashMap;
use std::sync::LazyLock;

/// What a word can mean.
#[derive(Clone, Copy)]
pub(super) enum Set {
    /// Names a password.
    Password,
    /// Names a token or a secret.
    Token,
    /// May name a secret: the value decides.
    Maybe,
    /// Names a user name together with a password.
    Login,
    /// Before `key`: the key is a secret.
    SecretKey,
    /// Before `key`: the key is harmless.
    HarmlessKey,
    /// Before `code`: the code opens something or turns it off.
    Code,
    /// Makes a key or token public.
    Public,
    /// The last word of a setting about a secret.
    About,
    /// Before the name of a secret: makes it a setting.
    AboutBefore,
    /// In names whose values look random but are harmless.
    Identifier,
    /// Makes a text a placeholder if all other words are fillers.
    Marker,
    /// A word without meaning of its own in a placeholder.
    Filler,
    /// A value that is a setting, under any name.
    Setting,
    /// A password that attackers try first.
    Weak,
}

/// The meanings of a word, as a bit set.
#[derive(Clone, Copy, Default)]
pub(super) struct Sets(u16);

impl Sets {
    /// The meanings of a word, which must be in lower case.
    pub(super) fn of(word: &str) -> Self {
        TABLE.get(word).copied().unwrap_or_default()
    }

    pub(super) fn has(self, set: Set) -> bool {
        self.0 & 1 << set as u16 != 0
    }
}

static TABLE: LazyLock<HashMap<&'static str, Sets>> = LazyLock::new(|| {
    let mut table: HashMap<&'static str, Sets> = HashMap::new();
    for (set, words) in WORDS {
        for word in words.split_ascii_whitespace() {
            table.entry(word).or_default().0 |= 1 << *set as u16;
        }
    }
    table
});

const WORDS: &[(Set, &str)] = &[
    (
        Set::Password,
        "adgangskode adminpw bindpw clave community contrasena contrasenya credential credentials creds dbpw haslo heslo \
         jelszo kennwort lozinka losenord masterauth mdp motdepasse parola parole pass passe passord passphrase passwd password passwords passwort pgpassword psk pw pwd pword \
         requirepass rootpw rootpwd salasana senha sifre userpw wachtwoord",
    ),
    (
        Set::Token,
        "apikey apikeys authkey authorization bearer encryptionkey geheimnis irk jwt localkey mnemonic passkey pat pepper salt schluessel \
         secret secrets token tokens",
    ),
    (
        Set::Maybe,
        "access appid authentication claim cookie cookies crypt dsn encryption fernet hmac hook invite licence license \
         magic mfa nonce oauth otp phrase private pushkey sas seed session signature syncthing ticket totp \
         webhook webhooks",
    ),
    (
        Set::Login,
        "accounts auth basicauth htpasswd login logins userpass users",
    ),
    (
        Set::SecretKey,
        "access account activation admin aes agent api app application auth authenticated authentication authorization \
         backup bot cipher cluster consul consumer control cookie crypt crypto csrf data database db deploy device \
         encrypt encrypted encryption enrollment fernet function functions gossip gpg hmac in ingest ingestion instance \
         integration internal join jwt licence license link local logged machine master network noise nomad nonce ota otp pgp \
         ping preshared priv private product push read recovery registration relay rememberme root routing rpc rsa salt secret security serf \
         service session setup shared sign signing storage stream subscription sync totp unauthenticated unlock unseal \
         simplepush user vault webhook wep wg wifi wireguard wlan wpa write",
    ),
    (
        Set::HarmlessKey,
        "answer any arrow cache column config dict enter escape event existing field foreign function_key group hot \
         idempotency index label lang language locale keypad lookup map meta metric modifier object partition prefix primary \
         registry row shortcut sort state sticky tag translation verify",
    ),
    (
        Set::Code,
        "access activation admin alarm alarmo apartment arm arming attic auth authorization back backup barn barrier \
         basement bike box building burglar cabinet cam car cellar cleaner confirm confirmation data disable disarm disarming \
         door doorbell duress elevator emergency engineer entrance entry flat front garage garden gate gatehouse guest \
         haustur home homekit house installer intercom invitation invite join keybox keypad kiosk letterbox license lift \
         lock lockbox locker maid mailbox master matter mfa office onboarding opener otp owner pairing panel parental \
         pass patio phone pin pool rack recovery registration safe scratch screen secret security setup sharing shed side \
         sim stable storage tablet tan tor tur unlock user vault vehicle verification voicemail zugangs",
    ),
    (
        Set::Public,
        "anon anonymous authorized client_id fingerprint host_key known peer pub pubkey public publickey publishable site \
         sitekey thumbprint trusted",
    ),
    (
        Set::About,
        "age alg algo algorithm algorithms allow allowed arn at attempts attribute audience backend bits bucket cache \
         case charset check checksum claim claims client cmd column command comment complexity cost count created date \
         day days delimiter description digest dir directory disable disabled docs domain driver duration email enable \
         enabled encoding encryption endpoint engine env exists expiration expire expires expiry fd feature field file \
         filename filenames files filter fingerprint flag folder format generator grace group hasher hashers hashing \
         header headers help helper helpers hide hint history host hostname hour hours httponly id ids image index info \
         interval issuer iterations kind label lang language layout leeway len length lifespan lifetime limit limits link \
         locale location login logins manager mandatory map mapping max maximum message method methods min minimum minute \
         minutes mode mount ms name names note only optional order page param parameter path paths pattern per plugin \
         policy port prefix price prompt provider providers quota rate reader realm ref reference refresh_interval regex \
         region room rooms require required reset retries role rotate rotation rounds rules samesite scope scopes script second \
         seconds secs secure separator server service show signup size slot source stdin storage store strength suffix \
         sync table tag template text threshold through thru thumbprint time timeout title tolerance topic ttl type types \
         updated uri url url_path urls usage user username validation validator validators var variable vault version \
         visible window zone",
    ),
    (
        Set::AboutBefore,
        "bos count eos existing external has hide max min no num number pad require requires show \
         total unk use",
    ),
    (
        Set::Identifier,
        "account addr address alphabet arn bssid bucket build ca cert certificate chain charset checksum checksums cid \
         color colour commit digest dir domain email etag etcd file fingerprint fingerprints font format gid guid hash host hostname \
         icon id identifier identifiers ids image integrity ipfs label locale logo mac md model name oid onion org organization path pattern picture platform pub pubkey \
         public publickey ref regex release rev revision serial sha sid sitekey snapshot ssid tag theme thumbprint title \
         topic topics uid uri url uuid version vin zone",
    ),
    (
        Set::Marker,
        "aendern change change_me changeit changeme choose customize dein deine dummy edit enter ersetze ersetzen example fake fill fillme \
         fixme foobar from generate generated goes here hidden insert masked modify must obtain openssl paste pick \
         placeholder provide put random randomly redacted removed replace replaceme same sample setme should some specify \
         tbd tochange todo undefined unset update xxx your yourapikey yourkey yourpassword yours yoursecret yourtoken",
    ),
    (
        Set::Filler,
        "a above access account admin akia alphanumeric an and ant anthropic any api apikey app as assistant at auth aws \
         base be bearer before below bitte bot by bytes can char character characters chars client cloudflare code com command \
         commit cookie credentials database db default digit digits discord dns docker docs documentation domain else \
         email encryption exactly for get ghp github gitlab glpat good google grafana hash hex home host hostname hvs id \
         in influxdb instance instead is it jwt key keys later least length license live lived long long-lived longer \
         mail mailgun make mariadb master max me mich min minimum minio mongo mqtt my mysql name need needs net network new no \
         not now npm ntfy number oauth of on one openai or org own pass passwd password pat path per personal pin pk \
         please plex postgres private prod production proj project provider public pushover pw radarr rand readme really \
         redis refresh root safe salt secret secrets secure see sendgrid server service session set short signing sk \
         slack smtp something sonarr ssh string stripe strong super tailscale telegram tenant test text than that the \
         this to token tokens tskey tunnel twilio unique url use user username using value very vpn webhook wifi wiki \
         will wireguard with xoxb xoxp you",
    ),
    (
        Set::Setting,
        "aes-256-gcm always argon2 argon2id ask auto automatic basic bcrypt bearer cookie default deny-all digest disabled eddsa \
         empty enabled env es256 external false file generate header hs256 hs384 hs512 inherit internal jwt keyring ldap \
         local login md5 n n/a na negotiate never nil no none null oauth oauth2 off oidc on optional plain prompt random \
         read read-only read-write required rs256 saml scram-sha-256 sha256 sha512 ssl starttls tls true trust undefined unset vault write write-only y \
         yes ~",
    ),
    (
        Set::Weak,
        "1234 12345 123456 12345678 123456789 admin changeit default grafana guest letmein minioadmin mongo mysql \
         nextcloud pass passw0rd password postgres qwerty rabbitmq redis root secret test toor user welcome",
    ),
];

/// Words at the end of a name that do not describe the value.
pub(super) const TRAILING: &str =
    "default defaults override initial prod production dev development staging test local";

/// Endings of password names written without a separator, as in `DBPASSWORD`.
pub(super) const PASSWORD_ENDINGS: &str =
    "password passwords passwd passphrase pass passwort kennwort psk userpw rootpw adminpw dbpwd";

/// Words with such an ending that do not name a password.
pub(super) const NO_PASSWORD: &str = "bypass compass surpass trespass overpass underpass \
    encompass singlepass multipass lowpass highpass bandpass";

/// Endings of token names written without a separator, as in `APITOKEN`.
pub(super) const TOKEN_ENDINGS: &str = "secret secrets token tokens apikey apikeys authkey secretkey privatekey privkey accesskey masterkey encryptionkey \
     cryptkey signingkey sharedkey licensekey sessionkey jwtkey hmackey deploykey appkey adminkey networkkey servicekey";

/// The part before `pin` or `code` in compound words such as `doorpin`.
pub(super) const CODE_BEGINNINGS: &str = "access admin alarm disarm door entry garage gate guest home invite keypad lock pairing panel parental security sim \
     unlock user";
