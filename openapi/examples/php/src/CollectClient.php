<?php

declare(strict_types=1);

namespace Copilot;

use Closure;
use Copilot\Generated\Api\CollectApi;
use Copilot\Generated\Model\CollectRequest;
use Copilot\Generated\Model\CollectResponse;
use GuzzleHttp\Psr7\Request;

/** The generated client of `collect`, for an endpoint that is configured as a whole URL. */
final class CollectClient extends CollectApi
{
    public function __construct(
        private readonly string $endpoint,
        Credentials $credentials,
        ?Closure $transport = null,
    ) {
        parent::__construct(Http::client(CollectResponse::class, $transport), $credentials->configuration());
    }

    public function collectRequest(
        CollectRequest $collect_request,
        string $contentType = self::contentTypes['collect'][0],
    ): Request {
        $generated = parent::collectRequest($collect_request, $contentType);
        return Http::request($generated, $this->endpoint, $collect_request);
    }
}
