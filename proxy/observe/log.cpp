// The line is formatted here; spdlog is level, lock and sink.
#include "observe/log.h"

#include <spdlog/logger.h>
#include <spdlog/pattern_formatter.h>
#include <spdlog/sinks/stdout_sinks.h>

#include "observe/line.h"

namespace ringside::observe {
namespace {

spdlog::level::level_enum spdlog_level(Level level) {
  switch (level) {
    case Level::debug:
      return spdlog::level::debug;
    case Level::info:
      return spdlog::level::info;
    case Level::warn:
      return spdlog::level::warn;
    case Level::error:
      break;
  }
  return spdlog::level::err;
}

std::string_view name_of(Level level) {
  switch (level) {
    case Level::debug:
      return "debug";
    case Level::info:
      return "info";
    case Level::warn:
      return "warn";
    case Level::error:
      break;
  }
  return "error";
}

}  // namespace

std::string log_line(WallTime time, Level level, std::string_view message,
                     std::span<const LogField> fields, Format format) {
  std::string text;
  Line line(text, format);
  line.bare("time", time_text(time));
  line.bare("level", name_of(level));
  line.bare("message", message);
  for (const auto& [key, value] : fields) line.field(key, value);
  line.end();
  return text;
}

struct Log::Body {
  Body(Format chosen, Level level)
      : format(chosen), logger("ringside", std::make_shared<spdlog::sinks::stderr_sink_mt>()) {
    // The line brings its own end.
    logger.set_formatter(std::make_unique<spdlog::pattern_formatter>(
        "%v", spdlog::pattern_time_type::utc, std::string()));
    logger.set_level(spdlog_level(level));
    logger.flush_on(spdlog::level::trace);
  }

  Format format;
  spdlog::logger logger;
};

Log::Log(const LogOptions& options)
    : body_(std::make_unique<Body>(options.format, options.level)) {}
Log::~Log() = default;

bool Log::enabled(Level level) const { return body_->logger.should_log(spdlog_level(level)); }

void Log::debug(std::string_view message, LogFields fields) {
  write(Level::debug, message, {fields.begin(), fields.size()});
}
void Log::info(std::string_view message, LogFields fields) {
  write(Level::info, message, {fields.begin(), fields.size()});
}
void Log::warn(std::string_view message, LogFields fields) {
  write(Level::warn, message, {fields.begin(), fields.size()});
}
void Log::error(std::string_view message, LogFields fields) {
  write(Level::error, message, {fields.begin(), fields.size()});
}

void Log::write(Level level, std::string_view message, std::span<const LogField> fields) {
  if (!enabled(level)) return;
  const std::string line =
      log_line(std::chrono::system_clock::now(), level, message, fields, body_->format);
  body_->logger.log(spdlog_level(level), spdlog::string_view_t(line.data(), line.size()));
}

}  // namespace ringside::observe
