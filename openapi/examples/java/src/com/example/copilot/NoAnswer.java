package com.example.copilot;

import java.net.ConnectException;
import java.net.URI;
import java.net.http.HttpTimeoutException;
import java.nio.channels.UnresolvedAddressException;
import javax.net.ssl.SSLException;

/**
 * No answer came, or it broke off. Unless the server could not be connected to, the request may have been taken. After
 * an interrupt the thread's flag is set again.
 */
public final class NoAnswer extends Exception {
    private static final long serialVersionUID = 1;

    /** The cause is put into words and not kept: it may quote what a server sent that is not HTTP. */
    public NoAnswer(URI server, Throwable cause) {
        super("no answer from " + server.getScheme() + "://" + server.getHost()
                + (server.getPort() < 0 ? "" : ":" + server.getPort()) + ": " + words(cause));
    }

    private static String words(Throwable cause) {
        for (var link = cause; link != null; link = link.getCause()) {
            if (link instanceof UnresolvedAddressException) {
                return "the host was not found";
            }
        }
        if (cause instanceof InterruptedException) {
            return "the call was interrupted";
        }
        if (cause instanceof HttpTimeoutException) {
            return "it took too long";
        }
        if (cause instanceof SSLException) {
            return "no secure connection could be made";
        }
        return cause instanceof ConnectException ? "it could not be connected to" : "the connection broke";
    }
}
