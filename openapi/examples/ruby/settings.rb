# frozen_string_literal: true

require 'ipaddr'
require 'uri'

module Copilot
  # Credentials and URLs, refused with an ArgumentError that does not quote them.
  module Settings
    module_function

    # The header Authorization.
    def authorization(client_id, client_secret)
      both = [client_id, client_secret].map { |text| text.dup.force_encoding(Encoding::UTF_8) }
      raise ArgumentError, 'the client id or the client secret is empty' if both.any?(&:empty?)
      raise ArgumentError, 'the client id or the client secret is not UTF-8' unless both.all?(&:valid_encoding?)
      raise ArgumentError, 'the client id or the client secret holds a control character' if both.join.match?(/\p{Cc}/)
      raise ArgumentError, 'the client id holds a colon' if both.first.include?(':')

      "Basic #{[both.join(':')].pack('m0')}"
    end

    # The whole URL of an operation.
    def endpoint(text)
      url = URI.parse(text)
      raise ArgumentError, 'an endpoint is no http or https URL' unless url.is_a?(URI::HTTP) && url.hostname
      raise ArgumentError, 'an endpoint holds user info, which belongs into the credentials' if url.userinfo

      safe = url.scheme == 'https' || loopback?(url.hostname)
      safe ? url : raise(ArgumentError, 'an endpoint is plain http to another host than this machine; use https')
    rescue URI::InvalidURIError
      raise ArgumentError, 'an endpoint is no http or https URL', cause: nil
    end

    def loopback?(host)
      host == 'localhost' || IPAddr.new(host).loopback?
    rescue IPAddr::Error
      false
    end
  end
end
