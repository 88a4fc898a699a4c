# frozen_string_literal: true

require 'time'

module Copilot
  # The two forms of a time in this API: milliseconds since 1970 in events, text in answers.
  module Times
    UTC = /\A(\d{4})-(\d{2})-(\d{2})T(\d{2}):(\d{2}):(\d{2})\.(\d{3})Z\z/.freeze
    LAST = 253_402_300_799_999
    PAST = 2_592_000_000
    FUTURE = 300_000

    module_function

    def now
      Process.clock_gettime(Process::CLOCK_REALTIME, :millisecond)
    end

    # Reads a UtcTimestamp. Raises ArgumentError for any other text, and for days that no calendar has.
    def from_utc(text)
      parts = UTC.match(text)&.captures || raise(ArgumentError, 'not of the form YYYY-MM-DDThh:mm:ss.sssZ')
      *moment, milliseconds = parts.map { |part| part.to_i(10) }
      epoch = Time.utc(*moment).to_i * 1000 + milliseconds
      # The 31st of April is read as the 1st of May.
      written(epoch) == text ? epoch : raise(ArgumentError, 'no such day')
    end

    # Writes a UtcTimestamp.
    def to_utc(milliseconds)
      raise ArgumentError, 'before 1970 or after 9999' unless milliseconds.between?(0, LAST)

      written(milliseconds)
    end

    def written(milliseconds)
      Time.at(0, milliseconds, :millisecond).utc.iso8601(3)
    end

    # Returns the time of an event that Copilot.cx takes at `now`. Raises ArgumentError for any other.
    def check(milliseconds, now)
      raise ArgumentError, 'no integer' unless milliseconds.is_a?(Integer)
      raise ArgumentError, 'more than 30 days ago; perhaps in seconds' if milliseconds < now - PAST
      raise ArgumentError, 'more than 5 minutes ahead' if milliseconds > now + FUTURE

      milliseconds
    end
  end
end
