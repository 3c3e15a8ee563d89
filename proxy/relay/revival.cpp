// Two requests on one endpoint.
#include "relay/revival.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <utility>

#include "base/limits.h"
#include "relay/worker.h"
#include "session/identify.h"

namespace ringside::relay {
namespace {

constexpr std::size_t kAnswerBytes = 1 * kMiB;
constexpr std::size_t kChallengeBytes = 8 * kKiB;

// What belongs to the waiting request alone.
constexpr std::array<std::string_view, 8> kDropped{
    "content-length", "transfer-encoding", "content-type", "content-encoding", "content-language",
    "expect",         "trailer",           "last-event-id"};
constexpr std::string_view kLineEnd = "\r\n";

std::string_view name_of(std::string_view line) { return line.substr(0, line.find(':')); }

// A head's request line and the fields that a handshake has in common with the request.
std::string common_head(std::string_view head, std::string_view session_header) {
  std::string kept;
  while (!head.empty()) {
    const std::size_t end = head.find(kLineEnd);
    const std::string_view line = head.substr(0, end);
    head.remove_prefix(std::min(head.size(), line.size() + kLineEnd.size()));
    const std::string_view name = name_of(line);
    const bool dropped = line.empty() || http::equals_ignoring_case(name, session_header) ||
                         std::ranges::any_of(kDropped, [&](std::string_view each) {
                           return http::equals_ignoring_case(name, each);
                         });
    if (!dropped) kept.append(line).append(kLineEnd);
  }
  return kept;
}

}  // namespace

Revival::Revival(RevivalUser& user, Worker& worker, WorkerPool& pool, std::string_view head,
                 session::Handshake handshake, std::uint64_t client_hash)
    : user_(&user),
      worker_(worker),
      pool_(pool),
      head_(common_head(head, pool.pool.options().affinity.header)),
      handshake_(std::move(handshake)),
      routing_{.row = Row::placed, .owner = 0, .ring_hash = client_hash} {}

Revival::~Revival() { release(false); }

Failure Revival::start() {
  starting_ = true;
  place();
  starting_ = false;
  return failure_;
}

void Revival::abandon() {
  user_ = nullptr;
  release(false);
}

// Ends with a connection (open or under way) or with the failure.
void Revival::place() {
  for (;;) {
    endpoint_ = pool_.pool.pick(routing_, worker_.random, tried_);
    if (endpoint_ == nullptr) return not_revived(Failure::no_endpoint);
    if (attach()) return;
    release(false);
    tried_.push_back(endpoint_->id());
  }
}

// An endpoint that has too many connections is waited for; one that has too many waiting is passed
// over, as one that refuses is.
bool Revival::attach() {
  while ((upstream_ = pool_.idle.take(endpoint_->id()))) {
    upstream_->reuse(*this);
    if (send()) return true;
    release(false);  // its endpoint has closed it meanwhile, and nothing was sent
  }
  upstream_ = std::make_unique<UpstreamConnection>(worker_, pool_, *endpoint_);
  return upstream_->connect(*this, pool_.connect) == 0;
}

void Revival::on_upstream_given(std::unique_ptr<UpstreamConnection> connection) {
  worker_.loop.retire(std::exchange(upstream_, std::move(connection)));
  upstream_->reuse(*this);
  if (send()) return;
  release(false);
  if (!attach()) not_sent();
}

void Revival::on_upstream_connected() {
  upstream_->disarm();
  if (endpoint_->refusal().refusing()) endpoint_->refusal().broken();
  if (!send()) not_sent();
}

void Revival::on_connect_failed(int error) {
  if (error == ECONNREFUSED) {
    endpoint_->refusal().refused(worker_.loop.now());
    worker_.shared.on_refusal();
  }
  not_sent();
}

// The endpoint has got nothing of this step: another may have the first, no other the second.
void Revival::not_sent() {
  if (step_ == Step::initialized) return not_revived(Failure::no_endpoint);
  release(false);
  tried_.push_back(endpoint_->id());
  place();
}

std::string Revival::request() const {
  const bool first = step_ == Step::initialize;
  const std::string& body = first ? handshake_.initialize : handshake_.initialized;
  std::string bytes = head_;
  if (!first)
    bytes.append(pool_.pool.options().affinity.header).append(": ").append(id_).append(kLineEnd);
  bytes.append("content-type: application/json\r\ncontent-length: ");
  bytes.append(std::to_string(body.size())).append("\r\n\r\n").append(body);
  return bytes;
}

// False when the connection takes nothing.
bool Revival::send() {
  status_ = 0;
  answer_bytes_ = 0;
  upstream_->expect_response_to(http::Method::post, false);
  if (upstream_->stream().write(request()) == net::Stream::Written::broken) return false;
  pool_.handshake.arm(*upstream_);
  return true;
}

bool Revival::on_response_head(const http::ResponseHead& head) {
  if (head.status < 200) return true;
  status_ = head.status;
  keeps_alive_ = head.keep_alive;
  if (step_ == Step::initialize) {
    id_ = session::issued_id(head, pool_.pool.session_field());
    is_stream_ = head.status < 300 && !id_.empty() &&
                 std::ranges::any_of(
                     head.fields,
                     [](const http::Field& field) {
                       return field.id == http::FieldId::content_type &&
                              http::names_event_stream(field.value);
                     });
    keep_challenge(head);
  }
  return true;
}

// A 403 has one too where the credentials hold, but not for this (RFC 6750, 3.1).
void Revival::keep_challenge(const http::ResponseHead& head) {
  if (head.status != 401 && head.status != 403) return;
  for (const http::Field& field : head.fields) {
    if (!http::equals_ignoring_case(field.name, "www-authenticate")) continue;
    challenge_.append("www-authenticate: ").append(field.value).append(kLineEnd);
  }
  if (challenge_.size() > kChallengeBytes) challenge_.clear();
}

// A server that has sent its answer and leaves the stream open is not waited for.
bool Revival::on_response_body(std::string_view bytes) {
  answer_bytes_ += bytes.size();
  if (step_ == Step::initialize && is_stream_ && !message_.whole()) {
    message_.feed(bytes);
    if (message_.whole()) pool_.search_silence.arm(*upstream_);
  }
  return answer_bytes_ <= kAnswerBytes;
}

void Revival::FirstMessage::feed(std::string_view bytes) {
  constexpr std::string_view kData = "data:";
  for (const char c : bytes) {
    const bool ends_crlf = c == '\n' && after_cr_;
    after_cr_ = c == '\r';
    if (ends_crlf) continue;
    if (c != '\n' && c != '\r') {
      if (line_.size() <= kData.size() && (c != ' ' || line_ != kData)) line_ += c;
      continue;
    }
    if (line_.empty()) whole_ |= has_data_;
    has_data_ |= line_.starts_with(kData) && line_.size() > kData.size();
    line_.clear();
  }
}

// A server that issues no id for an initialize has no sessions: there is nothing to revive.
void Revival::on_response_message_end(bool connection_is_clean) {
  if (status_ == 0) return;  // an interim response
  const bool reusable = connection_is_clean && keeps_alive_;
  const bool taken = status_ >= 200 && status_ < 300 && !id_.empty();
  if (!taken) {
    release(reusable);
    return not_revived(status_ >= 500 ? Failure::no_endpoint : Failure::handshake_refused);
  }
  if (step_ == Step::initialized) {
    release(reusable);
    RevivalUser* const user = std::exchange(user_, nullptr);
    if (user != nullptr) user->on_revived(*endpoint_, id_);
    return;
  }
  go_on(reusable);
}

void Revival::go_on(bool reusable) {
  step_ = Step::initialized;
  if (reusable && send()) return;
  release(false);
  if (!attach()) not_sent();
}

// An endpoint that cannot be connected to has got nothing of the handshake: the next may.
void Revival::on_upstream_deadline() {
  if (!upstream_->connected() && step_ == Step::initialize) return on_connect_failed(ETIMEDOUT);
  if (step_ == Step::initialize && message_.whole()) return go_on(false);
  not_revived(Failure::no_endpoint);
}

void Revival::on_upstream_lost(Failure) {
  if (step_ == Step::initialize && message_.whole()) return go_on(false);
  not_revived(Failure::no_endpoint);
}

void Revival::on_response_refused() { not_revived(Failure::handshake_refused); }

void Revival::release(bool reusable) {
  if (!upstream_) return;
  upstream_->disarm();
  if (reusable && !worker_.draining) {
    pool_.idle.put(std::move(upstream_));
    return;
  }
  upstream_->abandon();
  worker_.loop.retire(std::move(upstream_));
}

void Revival::not_revived(Failure failure) {
  release(false);
  failure_ = credentials_refused().value_or(failure);
  if (starting_) return;
  RevivalUser* const user = std::exchange(user_, nullptr);
  if (user != nullptr) user->on_not_revived(failure_, challenge_);
}

// Says nothing against the session: with other credentials it may be opened yet. The status says
// it, however the answer's body ends.
std::optional<Failure> Revival::credentials_refused() const {
  if (step_ == Step::initialize && status_ == 401) return Failure::handshake_unauthorized;
  if (step_ == Step::initialize && status_ == 403) return Failure::handshake_forbidden;
  return std::nullopt;
}

}  // namespace ringside::relay
