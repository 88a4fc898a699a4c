<?php

declare(strict_types=1);

namespace Copilot;

use GuzzleHttp\Psr7\Exception\MalformedUriException;
use GuzzleHttp\Psr7\Uri;
use InvalidArgumentException;
use SensitiveParameter;

/** Where an operation is. */
final class Endpoint
{
    /** @throws InvalidArgumentException with the rule alone: a wrong URL may hold a password */
    public static function parse(string $name, #[SensitiveParameter] string $url): Uri
    {
        try {
            $uri = new Uri($url);
        } catch (MalformedUriException) {
            $uri = new Uri();
        }
        // Guzzle takes an http URL without a host for one of localhost; such a text has no host of its own.
        $host = parse_url($url, PHP_URL_HOST);
        if (!in_array($uri->getScheme(), ['http', 'https'], true) || !is_string($host) || $host === '') {
            throw new InvalidArgumentException("$name is not an absolute URL of http or https");
        }
        if ($uri->getUserInfo() !== '') {
            throw new InvalidArgumentException("$name holds user info; the credentials are given apart from it");
        }
        if ($uri->getScheme() === 'http' && !self::isLoopback($uri->getHost())) {
            throw new InvalidArgumentException("$name is plain http, which is for loopback hosts only; use https");
        }
        return $uri;
    }

    /** Whether a host is this very machine: localhost, 127.x.x.x or ::1. */
    public static function isLoopback(string $host): bool
    {
        $v4 = filter_var($host, FILTER_VALIDATE_IP, FILTER_FLAG_IPV4) !== false && str_starts_with($host, '127.');
        return $v4 || in_array($host, ['localhost', '[::1]'], true);
    }
}
